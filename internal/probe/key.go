package probe

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// LoadKey reads the vantage's Ed25519 key (a seed in base64) and makes it, readable by
// its owner alone, where there is none. Two that start at once agree on one key.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "making a signing key")
	}
	if err := writeKey(path, seed); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "keeping a new signing key in "+path)
	}
	return readKey(path)
}

// writeKey writes beside the path and links there, so that nobody reads half a key and
// the first of two writers wins.
func writeKey(path string, seed []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".key-") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, wrong := file.WriteString(base64.StdEncoding.EncodeToString(seed) + "\n")
	if err := errors.Join(wrong, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func readKey(path string) (ed25519.PrivateKey, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(text.Reveal())
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fault.New(fault.Invalid, "reading the signing key %s: not a seed of %d bytes in base64", path, ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// readSecret reads a small file that others must not be able to read.
func readSecret(path string) (secret.String, error) {
	info, err := os.Stat(path)
	if err != nil {
		return secret.String{}, fault.Wrap(fault.Invalid, err, "reading a secret")
	}
	const maxSecret, others = 16 << 10, 0o007
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return secret.String{}, fault.New(fault.Invalid, "reading a secret: %s is not a small regular file", path)
	}
	if info.Mode().Perm()&others != 0 {
		return secret.String{}, fault.New(fault.Invalid, "reading a secret: anybody can read %s (mode %o); take that away with chmod o= %s", path, info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return secret.String{}, fault.Wrap(fault.Invalid, err, "reading a secret")
	}
	value := strings.TrimSpace(string(text))
	if value == "" {
		return secret.String{}, fault.Wrap(fault.Invalid, fmt.Errorf("%s is empty", path), "reading a secret")
	}
	return secret.New(value), nil
}
