// Package gcpapi is what the connectors of Google Cloud have in common: calls under a
// service account, and pushes of Pub/Sub that are verified.
package gcpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// TokenHost is where tokens are given out.
const TokenHost = "oauth2.googleapis.com" //nolint:gosec // a host, no credential

// tokenURL is used whatever a key's file says: a key must not choose where it is sent.
const tokenURL = "https://" + TokenHost + "/token"

const scope = "https://www.googleapis.com/auth/cloud-platform"

// key is the part of a service account's key file that is needed.
type key struct {
	Type       string `json:"type"`
	Email      string `json:"client_email"`
	PrivateKey string `json:"private_key"`
	KeyID      string `json:"private_key_id"`
}

// CheckKey says what is wrong with a service account's key, without repeating it. A
// reference to where it is kept can't be looked into yet.
func CheckKey(file secret.String) error {
	if strings.HasPrefix(file.Reveal(), "${") {
		return nil
	}
	var k key
	if json.Unmarshal([]byte(file.Reveal()), &k) != nil || k.Type != "service_account" || k.Email == "" || k.PrivateKey == "" {
		return errors.New("wants the JSON of a service account's key")
	}
	return nil
}

// API gives an API of Google Cloud under a service account. The tokens are got over the
// same client, whose guard knows the hosts.
func API(over *http.Client, file secret.String, host string) httpclient.API {
	api := httpclient.API{Base: "https://" + host, Vendor: "Google Cloud"}
	var k key
	if over == nil || json.Unmarshal([]byte(file.Reveal()), &k) != nil {
		return api
	}
	config := jwt.Config{Email: k.Email, PrivateKey: []byte(k.PrivateKey), PrivateKeyID: k.KeyID, Scopes: []string{scope}, TokenURL: tokenURL}
	client := config.Client(context.WithValue(context.Background(), oauth2.HTTPClient, over))
	client.Timeout, client.CheckRedirect = over.Timeout, over.CheckRedirect
	api.HTTP = client
	return api
}
