package jira

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/internal/fault"
)

// oauthTokens gives access tokens of an app: by client credentials, as Atlassian's service
// accounts have them, or by the refresh token that a person's consent gave (3LO).
func oauthTokens(o *OAuth, over *http.Client) oauth2.TokenSource {
	ctx := context.Background()
	if over != nil {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, over)
	}
	if o.RefreshFile == "" {
		config := clientcredentials.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), TokenURL: atlassianAuth, AuthStyle: oauth2.AuthStyleInParams}
		return config.TokenSource(ctx)
	}
	return &rotating{ctx: ctx, file: o.RefreshFile, config: oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(),
		Endpoint: oauth2.Endpoint{TokenURL: atlassianAuth, AuthStyle: oauth2.AuthStyleInParams},
	}}
}

// rotating renews a token whose refresh token changes at each use (developer.atlassian.com/
// cloud/oauth/getting-started/refresh-tokens). The new one is on disk before the access
// token that came with it is used: dying in between costs nothing, since Atlassian honours
// the former one for a while.
type rotating struct {
	ctx    context.Context //nolint:containedctx // it carries the HTTP client, as oauth2 wants it
	file   string
	config oauth2.Config
	mu     sync.Mutex
	token  *oauth2.Token
}

// Token implements oauth2.TokenSource.
func (r *rotating) Token() (*oauth2.Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.token.Valid() {
		return r.token, nil
	}
	text, err := os.ReadFile(r.file)
	if err != nil {
		return nil, fault.New(fault.Denied, "reading the refresh token of Jira: %w", err)
	}
	old := strings.TrimSpace(string(text))
	ctx, cancel := context.WithTimeout(r.ctx, time.Minute)
	defer cancel()
	token, err := r.config.TokenSource(ctx, &oauth2.Token{RefreshToken: old}).Token()
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller knows what it is
	}
	if token.RefreshToken != "" && token.RefreshToken != old {
		if err := replace(r.file, token.RefreshToken); err != nil {
			return nil, fault.New(fault.Unavailable, "keeping the new refresh token of Jira: %w", err)
		}
	}
	r.token = token
	return token, nil
}

// replace writes a file whole or not at all.
func replace(file, text string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".quell-*") // mode 0600
	if err != nil {
		return err //nolint:wrapcheck // the caller says what it is about
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already where all went well
	if _, err = f.WriteString(text + "\n"); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err //nolint:wrapcheck // likewise
	}
	return os.Rename(f.Name(), file) //nolint:wrapcheck // likewise
}
