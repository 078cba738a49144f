package exposure

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func signedVerdict(t *testing.T) (ed25519.PublicKey, ID, Verdict) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	pub, ok := key.Public().(ed25519.PublicKey)
	require.True(t, ok)
	v, err := SignVerdict(key, "exp1", Verdict{Outcome: Refuted, Method: MethodTemplate, Reason: "it is gone",
		CheckedAt: time.UnixMilli(1700000000123).UTC(), Evidence: []string{"aa", "bb"}, Vantage: "dc1", Template: "git-config@cc"})
	require.NoError(t, err)
	return pub, "exp1", v
}

func TestASignedVerdictVerifies(t *testing.T) {
	pub, id, v := signedVerdict(t)
	require.NoError(t, VerifyVerdict(pub, id, v))
}

func TestNoFieldOfASignedVerdictCanBeChanged(t *testing.T) {
	pub, id, signed := signedVerdict(t)
	require.Error(t, VerifyVerdict(pub, "exp2", signed), "another exposure")
	for name, change := range map[string]func(*Verdict){
		"the outcome":             func(v *Verdict) { v.Outcome = Confirmed },
		"the method":              func(v *Verdict) { v.Method = MethodConnect },
		"the reason":              func(v *Verdict) { v.Reason += "!" },
		"the time":                func(v *Verdict) { v.CheckedAt = v.CheckedAt.Add(time.Millisecond) },
		"the evidence":            func(v *Verdict) { v.Evidence = []string{"aa"} },
		"how the evidence splits": func(v *Verdict) { v.Evidence = []string{"a", "abb"} },
		"the vantage":             func(v *Verdict) { v.Vantage = "internet" },
		"the template":            func(v *Verdict) { v.Template = "" },
		"the key":                 func(v *Verdict) { v.KeyID = "00" },
		"the signature":           func(v *Verdict) { v.Signature = "AAAA" },
		"a removed signature":     func(v *Verdict) { v.Signature = "" },
	} {
		v := signed
		change(&v)
		require.Error(t, VerifyVerdict(pub, id, v), name)
	}
}

func TestAKeyOfAnotherLengthIsAnErrorAndNoPanic(t *testing.T) {
	_, id, v := signedVerdict(t)
	require.Error(t, VerifyVerdict(nil, id, v))
	_, err := SignVerdict(ed25519.PrivateKey{}, id, v)
	require.Error(t, err)
}
