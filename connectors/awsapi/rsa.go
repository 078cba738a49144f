package awsapi

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // what SNS signs with in version 1, which a topic may still be set to
	"crypto/sha256"
	"crypto/x509"
)

// verify checks a signature as x509 does for the algorithm; x509 itself refuses SHA-1,
// which for certificates is right.
func verify(key *rsa.PublicKey, algorithm x509.SignatureAlgorithm, text, signature []byte) error {
	if algorithm == x509.SHA1WithRSA {
		sum := sha1.Sum(text)                                          //nolint:gosec // see above
		return rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature) //nolint:wrapcheck // the caller asks only whether
	}
	sum := sha256.Sum256(text)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) //nolint:wrapcheck // likewise
}
