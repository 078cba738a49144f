// Package kev pulls CISA's catalogue of known exploited vulnerabilities.
package kev

import (
	"fmt"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
)

// Name is the connector's name.
const Name = "kev"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:    Name,
		Title:   "CISA KEV",
		Summary: "Pulls CISA's catalogue of known exploited vulnerabilities, which decisions rest on.",
		Config:  func() any { return defaults() },
		Open:    open,
		Reach:   reach,
		API:     "JSON feed, schema of 2025",
		Every:   6 * time.Hour,
		Docs:    docs,
	}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Instance is one configured source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// FeedKind implements connectors.Feed.
func (*Instance) FeedKind() string { return "kev" }
