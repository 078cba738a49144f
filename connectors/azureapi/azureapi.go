// Package azureapi is what the connectors of Azure have in common: the login of an
// application, the hosts of its clouds, and the subscriptions that it sees.
package azureapi

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Login is who asks: an application that is registered in a tenant of Entra ID.
type Login struct {
	Tenant        string
	ClientID      string
	ClientSecret  secret.String
	Cloud         string // public, usgov or china
	Subscriptions []string
}

// clouds are the hosts for tokens and for management.
var clouds = map[string][2]string{ //nolint:gochecknoglobals // a constant table
	"public": {"login.microsoftonline.com", "management.azure.com"},
	"usgov":  {"login.microsoftonline.us", "management.usgovcloudapi.net"},
	"china":  {"login.partner.microsoftonline.cn", "management.chinacloudapi.cn"},
}

// names fit in a path: IDs and domains of tenants, IDs of subscriptions.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`) //nolint:gochecknoglobals // a constant

// Check says what is wrong with a login, by the names that the settings have in every
// connector of Azure's. One that pulls nothing needs nothing.
func (l *Login) Check() []error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if _, ok := clouds[l.Cloud]; !ok {
		problem("cloud: is none of public, usgov and china")
	}
	if l.Tenant != "" {
		if !names.MatchString(l.Tenant) {
			problem("tenant: wants the ID or a domain of a tenant")
		}
		if l.ClientID == "" || l.ClientSecret.Empty() {
			problem("client_id and client_secret: are needed where tenant is set")
		}
	}
	for _, s := range l.Subscriptions {
		if !names.MatchString(s) {
			problem("subscriptions: %q is not the ID of a subscription", s)
		}
	}
	return problems
}

// Reach are the hosts that a login talks to.
func (l *Login) Reach() []string {
	if l.Tenant == "" {
		return nil
	}
	hosts := clouds[l.Cloud]
	return hosts[:]
}

// API gives Azure's management API under a login.
//
// Azure's SDK is not used: its clients give structs, where a page must be what Azure wrote,
// and its login keeps tokens in a cache of its own. An application's login is one request.
func (l *Login) API(over *http.Client) httpclient.API {
	hosts := clouds[l.Cloud]
	api := httpclient.API{Base: "https://" + hosts[1], Vendor: "Azure"}
	if l.Tenant != "" && over != nil {
		api.HTTP = httpclient.OAuth2(over, clientcredentials.Config{ClientID: l.ClientID, ClientSecret: l.ClientSecret.Reveal(), AuthStyle: oauth2.AuthStyleInParams,
			TokenURL: "https://" + hosts[0] + "/" + l.Tenant + "/oauth2/v2.0/token", Scopes: []string{"https://" + hosts[1] + "/.default"}})
	}
	return api
}

// Visible gives the IDs of the subscriptions to read: the configured ones, or all that the
// login sees and that aren't disabled, sorted.
func (l *Login) Visible(ctx context.Context, api httpclient.API) ([]string, error) {
	if len(l.Subscriptions) > 0 {
		return l.Subscriptions, nil
	}
	const mostPages = 100
	var out []string
	path := "/subscriptions?api-version=2022-12-01"
	for range mostPages {
		var answer struct {
			Value []struct {
				ID    string `json:"subscriptionId"`
				State string `json:"state"`
			} `json:"value"`
			Next string `json:"nextLink"`
		}
		if _, err := api.Get(ctx, httpclient.Call{Path: path}, &answer); err != nil {
			return nil, err //nolint:wrapcheck // it says what was called
		}
		for _, s := range answer.Value {
			if names.MatchString(s.ID) && !strings.EqualFold(s.State, "Disabled") && !strings.EqualFold(s.State, "Deleted") {
				out = append(out, s.ID)
			}
		}
		if answer.Next == "" {
			slices.Sort(out)
			return slices.Compact(out), nil
		}
		path = answer.Next
	}
	return nil, fault.New(fault.Invalid, "reading the subscriptions of Azure: there are more than a hundred pages of them")
}
