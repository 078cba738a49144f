package apiclient

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// get makes a reading call below the prefix.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (Item[T], error) {
	return decoded[T](ctx, c, request{method: http.MethodGet, path: Prefix + path, query: query})
}

// whole reads a list that comes in one piece.
func whole[T any](ctx context.Context, c *Client, path string) ([]Item[T], error) {
	list, err := get[struct {
		Items []Item[T] `json:"items"`
	}](ctx, c, path, nil)
	return list.Value.Items, err
}

// post makes a call that sends a value.
func post[T any](ctx context.Context, c *Client, path string, in any, header map[string]string) (Item[T], error) {
	r, err := jsonRequest(http.MethodPost, path, in)
	if err != nil {
		return Item[T]{}, err
	}
	for name, value := range header {
		r.header[name] = value
	}
	return decoded[T](ctx, c, r)
}

// Exposures walks the exposures that a query chooses, by the API's own parameters; limit
// zero means all. Findings are not in them.
func (c *Client) Exposures(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[exposure.Exposure], error] {
	return All[exposure.Exposure](ctx, c, "/exposures", query, limit)
}

// Exposure reads one exposure with its story.
func (c *Client) Exposure(ctx context.Context, id exposure.ID) (Item[Detail], error) {
	return get[Detail](ctx, c, "/exposures"+seg(string(id)), nil)
}

// Timeline reads the chain of events of one exposure.
func (c *Client) Timeline(ctx context.Context, id exposure.ID) (Item[Story], error) {
	return get[Story](ctx, c, "/exposures"+seg(string(id))+"/timeline", nil)
}

// Export copies the exposures that a query chooses to w, whole, one JSON object a line.
// An error after the first line means that the export is not complete.
func (c *Client) Export(ctx context.Context, query url.Values, w io.Writer) error {
	resp, err := c.send(ctx, request{method: http.MethodGet, path: Prefix + "/exposures.ndjson", query: query, accept: "application/x-ndjson"})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	_, err = io.Copy(w, resp.Body)
	return fault.Wrap(fault.Unavailable, err, "exporting exposures; what came so far is not all")
}

// Decide decides on an exposure. The key makes a repeat the same decision; a version other
// than zero makes it count for that version alone.
func (c *Client) Decide(ctx context.Context, id exposure.ID, d Decision, key string, version int64) (Item[Decided], error) {
	header := map[string]string{"Idempotency-Key": key}
	if version > 0 {
		header["If-Match"] = strconv.Quote(strconv.FormatInt(version, 10))
	}
	return post[Decided](ctx, c, "/exposures"+seg(string(id))+"/decisions", d, header)
}

// Evidence reads what a verdict rests on.
func (c *Client) Evidence(ctx context.Context, sha string, of exposure.ID) (Item[exposure.Evidence], error) {
	query := url.Values{}
	if of != "" {
		query.Set("exposure", string(of))
	}
	return get[exposure.Evidence](ctx, c, "/evidence"+seg(sha), query)
}

// Stats counts the exposures that a query chooses.
func (c *Client) Stats(ctx context.Context, query url.Values) (Item[Stats], error) {
	return get[Stats](ctx, c, "/stats", query)
}

// Findings walks what sources say, finding by finding.
func (c *Client) Findings(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[Reported], error] {
	return All[Reported](ctx, c, "/findings", query, limit)
}

// Assets walks the assets that a query chooses.
func (c *Client) Assets(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[asset.Asset], error] {
	return All[asset.Asset](ctx, c, "/assets", query, limit)
}

// Asset reads one asset with its names and history.
func (c *Client) Asset(ctx context.Context, id asset.ID) (Item[AssetDetail], error) {
	return get[AssetDetail](ctx, c, "/assets"+seg(string(id)), nil)
}

// Runs walks scans and syncs, newest first; an empty source means all.
func (c *Client) Runs(ctx context.Context, source string, limit int) iter.Seq2[Item[exposure.Run], error] {
	return All[exposure.Run](ctx, c, "/runs", named("source", source), limit)
}

// Deliveries walks deliveries, newest first. An empty source or status means all.
func (c *Client) Deliveries(ctx context.Context, source, status string, limit int) iter.Seq2[Item[exposure.Delivery], error] {
	query := named("source", source)
	if status != "" {
		query.Set("status", status)
	}
	return All[exposure.Delivery](ctx, c, "/deliveries", query, limit)
}

// Delivery reads what became of a delivery.
func (c *Client) Delivery(ctx context.Context, id string) (Item[exposure.Delivery], error) {
	return get[exposure.Delivery](ctx, c, "/deliveries"+seg(id), nil)
}

// Replay has a delivery ingested once more.
func (c *Client) Replay(ctx context.Context, id string) error {
	_, err := decoded[json.RawMessage](ctx, c, request{method: http.MethodPost, path: Prefix + "/deliveries" + seg(id) + "/replay"})
	return err
}

// DecideHeld approves or rejects a delivery that the breaker holds; verb is approve or reject.
func (c *Client) DecideHeld(ctx context.Context, id, verb, reason string) (Item[exposure.Delivery], error) {
	return post[exposure.Delivery](ctx, c, "/deliveries"+seg(id)+"/"+verb, map[string]string{"reason": reason}, nil)
}

// Upload sends one report of a source as a stream. The key makes a repeat the same
// delivery; the name is for people.
func (c *Client) Upload(ctx context.Context, source, name string, body io.Reader, key string) (Item[Accepted], error) {
	return decoded[Accepted](ctx, c, request{method: http.MethodPost, path: Prefix + "/sources" + seg(source) + "/deliveries",
		query: named("name", name), body: body, header: map[string]string{"Content-Type": "application/octet-stream", "Idempotency-Key": key}})
}

// Sources lists the sources and how they are doing.
func (c *Client) Sources(ctx context.Context) ([]Item[SourceStatus], error) {
	return whole[SourceStatus](ctx, c, "/sources")
}

// SyncPlan says when a source is pulled next.
func (c *Client) SyncPlan(ctx context.Context, source string) (Item[SyncPlan], error) {
	return get[SyncPlan](ctx, c, "/sources"+seg(source)+"/sync", nil)
}

// Syncs walks how a source was pulled, newest first.
func (c *Client) Syncs(ctx context.Context, source string, limit int) iter.Seq2[Item[exposure.Sync], error] {
	return All[exposure.Sync](ctx, c, "/sources"+seg(source)+"/syncs", nil, limit)
}

// StartSync pulls a source now. A since that isn't zero asks for all that changed since.
func (c *Client) StartSync(ctx context.Context, source string, since time.Time) (Item[SyncPlan], error) {
	req, err := jsonRequest(http.MethodPost, "/sources"+seg(source)+"/sync", struct {
		Since time.Time `json:"since,omitzero"`
	}{since})
	if err != nil {
		return Item[SyncPlan]{}, err
	}
	return decoded[SyncPlan](ctx, c, req)
}

// PauseSync stops the pulling of a source, for a reason.
func (c *Client) PauseSync(ctx context.Context, source, reason string) (Item[SyncPlan], error) {
	req, err := jsonRequest(http.MethodPost, "/sources"+seg(source)+"/sync/pause", map[string]string{"reason": reason})
	if err != nil {
		return Item[SyncPlan]{}, err
	}
	return decoded[SyncPlan](ctx, c, req)
}

// ResumeSync goes on pulling a source.
func (c *Client) ResumeSync(ctx context.Context, source string) (Item[SyncPlan], error) {
	return decoded[SyncPlan](ctx, c, request{method: http.MethodPost, path: Prefix + "/sources" + seg(source) + "/sync/resume"})
}

// Scopes lists the scopes and what is in them.
func (c *Client) Scopes(ctx context.Context) ([]Item[ScopeStatus], error) {
	return whole[ScopeStatus](ctx, c, "/scopes")
}

// Ready asks what of the daemon works. A daemon that isn't ready is no error.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+"/readyz", http.NoBody)
	if err != nil {
		return Readiness{}, fault.New(fault.Invalid, "asking whether the daemon is ready: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Readiness{}, &fault.Error{Kind: fault.Unavailable, Err: &UnreachableError{URL: c.base.String(), Err: plain(err)}}
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	var out Readiness
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(&out); err != nil || out.Checks == nil {
		return out, fault.New(fault.Unavailable, "asking whether the daemon is ready: %s", foreign(resp))
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		out.At = at
	}
	return out, nil
}

// named is a query of one parameter, or of none where it has no value.
func named(name, value string) url.Values {
	query := url.Values{}
	if value != "" {
		query.Set(name, value)
	}
	return query
}
