package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/secret"
)

type holder struct {
	Token secret.String  `json:"token" yaml:"token"`
	Other *secret.String `json:"other" yaml:"other"`
}

func TestASecretShowsItselfNowhere(t *testing.T) {
	s := secret.New("hunter2")
	h := holder{Token: s, Other: &s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %v"} {
		require.NotContains(t, fmt.Sprintf(verb, s, s), "hunter2", verb)
		require.NotContains(t, fmt.Sprintf(verb, h, h), "hunter2", verb)
		require.NotContains(t, fmt.Sprintf(verb, s, s), "68756e74657232", "%s: not in hex either", verb)
	}
	require.NotContains(t, fmt.Errorf("calling with %v", h).Error(), "hunter2")

	body, err := json.Marshal(h)
	require.NoError(t, err)
	require.NotContains(t, string(body), "hunter2")
	body, err = yaml.Marshal(h)
	require.NoError(t, err)
	require.NotContains(t, string(body), "hunter2")

	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "token", s, "holder", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "token", s, "holder", h)
	require.NotContains(t, out.String(), "hunter2")
}

func TestASecretGivesItsValueToWhoAsksForIt(t *testing.T) {
	s := secret.New("hunter2")
	require.Equal(t, "hunter2", s.Reveal())
	require.True(t, s.Equal("hunter2"))
	require.False(t, s.Equal("hunter3"))
	require.False(t, s.Empty())
	require.True(t, secret.String{}.Empty())
	var read secret.String
	require.NoError(t, read.UnmarshalText([]byte("hunter2")))
	require.True(t, read.Equal("hunter2"))
}
