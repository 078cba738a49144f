package exposure

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// VerdictPayload is what a vantage's key signs: the exposure and every field of the
// verdict but the signature, each as "length:value" and a newline after a line that says
// what this is. Lengths keep fields from running into each other, so no two verdicts
// share a payload.
func VerdictPayload(id ID, v Verdict) []byte {
	var b strings.Builder
	b.WriteString("quell verdict 1\n")
	fields := []string{string(id), string(v.Outcome), string(v.Method), v.Reason,
		v.CheckedAt.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano),
		v.Vantage, v.Template, v.KeyID, strconv.Itoa(len(v.Evidence))}
	for _, field := range append(fields, v.Evidence...) {
		b.WriteString(strconv.Itoa(len(field)))
		b.WriteByte(':')
		b.WriteString(field)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// VerdictKeyID names a vantage's public key: the first half of its SHA-256, in hex.
func VerdictKeyID(pub ed25519.PublicKey) string {
	sum := sha256.Sum256(pub)
	return hex.EncodeToString(sum[:16])
}

// SignVerdict gives the verdict with the key's ID and its signature over VerdictPayload.
func SignVerdict(key ed25519.PrivateKey, id ID, v Verdict) (Verdict, error) {
	if len(key) != ed25519.PrivateKeySize {
		return Verdict{}, errors.New("signing a verdict: not an Ed25519 private key")
	}
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return Verdict{}, errors.New("signing a verdict: not an Ed25519 private key")
	}
	v.KeyID = VerdictKeyID(pub)
	v.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, VerdictPayload(id, v)))
	return v, nil
}

// VerifyVerdict checks that the key signed this verdict on this exposure.
func VerifyVerdict(pub ed25519.PublicKey, id ID, v Verdict) error {
	if len(pub) != ed25519.PublicKeySize {
		return errors.New("verifying a verdict: not an Ed25519 public key")
	}
	if want := VerdictKeyID(pub); v.KeyID != want {
		return fmt.Errorf("verifying a verdict: it names key %q, and the vantage's is %s", v.KeyID, want)
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(v.Signature)
	if err != nil {
		return fmt.Errorf("verifying a verdict: its signature isn't base64: %w", err)
	}
	if !ed25519.Verify(pub, VerdictPayload(id, v), signature) {
		return errors.New("verifying a verdict: the signature doesn't fit")
	}
	return nil
}
