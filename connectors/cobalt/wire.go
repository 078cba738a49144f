package cobalt

import (
	"context"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const largestFinding = 8 << 20

// text is what Cobalt writes as a text.
type text = wire.Text

// entry is an element of the answer's data.
type entry struct {
	Resource *resource `json:"resource"`
	Links    struct {
		UI struct {
			URL text `json:"url"`
		} `json:"ui"`
	} `json:"links"`
}

type resource struct {
	ID          text       `json:"id"`
	Tag         text       `json:"tag"`
	Title       text       `json:"title"`
	Description text       `json:"description"`
	Category    text       `json:"type_category"`
	Severity    text       `json:"severity"`
	Targets     wire.Texts `json:"affected_targets"`
	Proof       text       `json:"proof_of_concept"`
	Fix         text       `json:"suggested_fix"`
	Pentest     text       `json:"pentest_id"`
	Asset       text       `json:"asset_id"`
	State       text       `json:"state"`
	Log         []struct {
		Action text      `json:"action"`
		Value  text      `json:"value"`
		At     wire.Time `json:"timestamp"`
	} `json:"log"`
}

// value reads an answer: an object whose data is the list.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("findings come in an object")
		return nil
	}
	known := false
	err := r.Fields(func(key string) error {
		if key != "data" || r.Kind() != jsonpull.Array {
			return nil
		}
		known = true
		return r.Each(ctx, func() error {
			var it entry
			raw, ok := r.Into(largestFinding, &it)
			if !ok || it.Resource == nil {
				e.Skip("finding_unreadable")
				return nil
			}
			return d.finding(e, &it, raw)
		})
	})
	if err == nil && !known {
		r.Fail("there is no data in it")
	}
	return err
}
