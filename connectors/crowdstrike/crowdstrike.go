// Package crowdstrike pulls CrowdStrike Falcon: hosts, and the vulnerabilities that
// Spotlight finds on them.
package crowdstrike

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "crowdstrike"

const format = "crowdstrike JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "CrowdStrike Falcon Spotlight",
		Summary:   "Pulls hosts and vulnerabilities from CrowdStrike Falcon.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Spotlight combined vulnerabilities v1, devices scroll v1, device entities v2",
		Every:     4 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "vulnerabilities.json", Findings: 5},
			{File: "devices.json", Assets: 3},
		},
	}
}

func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "aid", "cid", "cve", "suppression_info"), report.Has(head, "aid", "cid", "cve", "exprt_rating"):
		return 90
	case report.Has(head, "device_id", "cid", "agent_version", "config_id_base"):
		return 90
	}
	return 0
}

func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	in := &Instance{source: env.Source, config: *c}
	in.http = httpclient.OAuth2(env.HTTP, clientcredentials.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(), TokenURL: c.URL + "/oauth2/token", AuthStyle: oauth2.AuthStyleInParams,
	})
	return in, nil
}

// Instance is one configured Falcon source.
type Instance struct {
	source string
	config Config
	http   *http.Client // with a token
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { return d.value(ctx, e, r) })
}
