// Package nvd pulls the National Vulnerability Database of NIST.
package nvd

import (
	"fmt"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
)

// Name is the connector's name.
const Name = "nvd"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:    Name,
		Title:   "NIST NVD",
		Summary: "Pulls the CVSS vectors of the National Vulnerability Database.",
		Config:  func() any { return defaults() },
		Open:    open,
		Reach:   reach,
		API:     "CVE API 2.0",
		Every:   2 * time.Hour,
		Docs:    docs,
	}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP, now: env.Now}, nil
}

// Instance is one configured source.
type Instance struct {
	source string
	config Config
	http   *http.Client
	now    func() time.Time
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// FeedKind implements connectors.Feed.
func (*Instance) FeedKind() string { return "nvd" }

// FullEvery implements connectors.Incremental: what changed is enough, for ever.
func (*Instance) FullEvery() time.Duration { return 0 }
