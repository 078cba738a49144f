package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatShowsThatAControlFailedIsChecked(t *testing.T) {
	_, err := parse(`
controls:
  - {name: edr, techniques: [T1059, T1059.001]}
`)
	require.NoError(t, err)
	_, err = parse(`
controls:
  - {name: edr, techniques: [t1059], sources: [nowhere]}
  - {name: edr}
`)
	for _, want := range []string{`controls[0].techniques[0]: "t1059" is no technique`, `controls[0].sources[0]: "nowhere" is no source`,
		`controls[1].name: "edr" is used twice`, `controls[1].techniques: names none`} {
		require.ErrorContains(t, err, want)
	}
}
