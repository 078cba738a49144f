package apiclient

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Controls walks what is known of compensating controls.
func (c *Client) Controls(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[exposure.Control], error] {
	return All[exposure.Control](ctx, c, "/controls", query, limit)
}

// SetControl says how a control is doing, on an asset or everywhere.
func (c *Client) SetControl(ctx context.Context, name string, state exposure.ControlState, reason string, on asset.ID) (Item[exposure.Control], error) {
	r, err := jsonRequest(http.MethodPut, "/controls"+seg(name), map[string]string{"state": string(state), "reason": reason, "asset": string(on)})
	if err != nil {
		return Item[exposure.Control]{}, err
	}
	return decoded[exposure.Control](ctx, c, r)
}
