package kev

import (
	"context"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const largest = 64 << 20

// Pull implements connectors.Puller: the catalogue is one page.
func (in *Instance) Pull(ctx context.Context, _ connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling %s: no url is configured", in.source)
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Largest: largest, Vendor: "CISA"}
	_, err := api.Copy(ctx, httpclient.Call{Path: in.config.URL}, page)
	return connectors.Pulled{}, err
}
