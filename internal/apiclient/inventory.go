package apiclient

import (
	"context"
	"iter"
	"net/url"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/scope"
)

// Edges walks the relations of an asset: those that lead out of it, then those into it.
func (c *Client) Edges(ctx context.Context, id asset.ID, query url.Values, limit int) iter.Seq2[Item[Relation], error] {
	return All[Relation](ctx, c, "/assets"+seg(string(id))+"/edges", query, limit)
}

// UndoMerge takes back that other was merged into an asset; the last merge if other is
// empty. The key makes a repeat the same decision.
func (c *Client) UndoMerge(ctx context.Context, id, other asset.ID, reason, key string) (Item[Separation], error) {
	in := map[string]string{"reason": reason}
	if other != "" {
		in["other"] = string(other)
	}
	return post[Separation](ctx, c, "/assets"+seg(string(id))+"/undo", in, map[string]string{"Idempotency-Key": key})
}

// SplitAsset takes identifiers, each as KIND:VALUE, out of an asset.
func (c *Client) SplitAsset(ctx context.Context, id asset.ID, identifiers []string, reason, key string) (Item[Separation], error) {
	in := map[string]any{"reason": reason, "identifiers": identifiers}
	return post[Separation](ctx, c, "/assets"+seg(string(id))+"/split", in, map[string]string{"Idempotency-Key": key})
}

// Gaps lists what scoping doesn't cover: all kinds with the first of each, or one kind
// from a cursor on.
func (c *Client) Gaps(ctx context.Context, query url.Values) ([]Item[scope.Gap], error) {
	list, err := get[struct {
		Items []Item[scope.Gap] `json:"items"`
	}](ctx, c, "/gaps", query)
	return list.Value.Items, err
}
