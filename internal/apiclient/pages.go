package apiclient

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// pageSize is the API's largest page.
const pageSize = 1000

// All walks a list page by page, at most limit items; zero means all of them. The walk
// ends at the first error, which comes with an empty item.
func All[T any](ctx context.Context, c *Client, path string, query url.Values, limit int) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		q := maps.Clone(query)
		if q == nil {
			q = url.Values{}
		}
		given := 0
		for {
			size := pageSize
			if limit > 0 {
				size = min(size, limit-given)
			}
			q.Set("limit", strconv.Itoa(size))
			page, err := decoded[exposure.Page[Item[T]]](ctx, c, request{method: http.MethodGet, path: Prefix + path, query: q})
			if err != nil {
				yield(Item[T]{}, err)
				return
			}
			for _, item := range page.Value.Items {
				if given++; !yield(item, nil) || limit > 0 && given >= limit {
					return
				}
			}
			next := page.Value.Next
			switch {
			case next == "":
				return
			case next == q.Get("cursor"): // would go round for ever
				yield(Item[T]{}, fault.New(fault.Unavailable, "listing %s: the server gives the same page again", path))
				return
			}
			q.Set("cursor", next)
		}
	}
}
