package cli

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

// connection is which daemon to talk to, as the flags say.
type connection struct {
	url       string
	tokenFile string
}

// defaultURL is where a daemon listens that was told nothing else.
const defaultURL = "http://127.0.0.1:8088"

// devFile is where quell dev leaves its address and admin token, below its directory.
const devFile = "dev.json"

// devDir is the data directory of quell dev.
const devDir = ".quell"

// dev is what stands in the file that quell dev leaves.
type dev struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// client finds the daemon and the token: flags, then the environment, then the quell dev
// of this directory. A token goes only where it belongs: that of quell dev to its own
// address, and one from a flag or the environment never to an address out of a file that
// happens to lie in the working directory.
func (a *app) client() (*apiclient.Client, error) {
	address := a.conn.url
	if address == "" {
		address = a.env("QUELL_URL")
	}
	token, err := a.ownToken()
	if err != nil {
		return nil, err
	}
	if address == "" && token != "" {
		address = defaultURL
	}
	if address == "" || token == "" {
		local, err := a.readDev()
		if err != nil {
			return nil, err
		}
		switch {
		case address == "" && local.URL != "":
			address, token = local.URL, local.Token
		case address == "":
			address = defaultURL
		case strings.TrimRight(address, "/") == strings.TrimRight(local.URL, "/"):
			token = local.Token
		}
	}
	if token == "" {
		return nil, hintError{err: fault.New(fault.Denied, "there is no API token for %s", address),
			hint: "run `quell dev` in this directory, or set QUELL_TOKEN (or --token-file)"}
	}
	return apiclient.New(apiclient.Options{URL: address, Token: token, Agent: "quell/" + a.Version})
}

// ownToken is the token that the caller gives.
func (a *app) ownToken() (string, error) {
	if a.conn.tokenFile == "" {
		return strings.TrimSpace(a.env("QUELL_TOKEN")), nil
	}
	body, err := readSmall(a.path(a.conn.tokenFile))
	if err != nil {
		return "", fault.New(fault.Invalid, "reading the token: %w", err)
	}
	return strings.TrimSpace(string(body)), nil
}

func (a *app) readDev() (dev, error) {
	var d dev
	name := a.path(filepath.Join(devDir, devFile))
	body, err := readSmall(name)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	if err != nil {
		return d, hintError{err: fault.New(fault.Invalid, "reading %s: %w", name, err), hint: "start `quell dev` again, which writes it anew"}
	}
	return d, nil
}

// readSmall reads a file that holds a line or two.
func readSmall(name string) ([]byte, error) {
	const most = 64 << 10
	f, err := os.Open(name) // the operator names the file, or it is quell dev's
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, most))
}

// path is a file's name as the caller means it.
func (a *app) path(name string) string {
	if a.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.Dir, name)
}
