package nvd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	perPage = 2000
	window  = 120 * 24 * time.Hour // the longest that lastModStartDate and lastModEndDate may span
	// Without a key the API takes five requests in thirty seconds, with one fifty.
	pauseWithout, pauseWith = 6 * time.Second, 600 * time.Millisecond
	stamp                   = "2006-01-02T15:04:05.000Z"
	largest                 = 128 << 20
)

// cursor is where a sync is: which page of which window of changes, if not of all.
type cursor struct {
	Start int       `json:"start"`
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"` // when the sync began: what changes later is the next one's
}

// totals are what an answer says of itself.
type totals struct {
	PerPage int `json:"resultsPerPage"`
	Start   int `json:"startIndex"`
	Total   int `json:"totalResults"`
}

// Pull implements connectors.Puller.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling %s: no url is configured", in.source)
	}
	at := cursor{From: req.Since}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "reading the cursor")
		}
	}
	if at.Until.IsZero() && in.now != nil {
		at.Until = in.now()
	}
	var body bytes.Buffer
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Largest: largest, Vendor: "the NVD", Auth: in.authorize}
	if _, err := api.Copy(ctx, httpclient.Call{Path: in.config.URL, Query: at.query()}, &body); err != nil {
		return connectors.Pulled{}, err
	}
	var t totals
	if err := json.Unmarshal(body.Bytes(), &t); err != nil {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading an answer of the NVD: it is not whole")
	}
	if t.Start != at.Start || t.PerPage < 0 || t.PerPage == 0 && t.Total > at.Start {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading an answer of the NVD: it is of another page than was asked for")
	}
	if _, err := page.Write(append(body.Bytes(), '\n')); err != nil {
		return connectors.Pulled{}, err
	}
	return in.after(at, t)
}

// after says what follows a page: the next one, the next window, or nothing.
func (in *Instance) after(at cursor, t totals) (connectors.Pulled, error) {
	at.Start += t.PerPage
	if at.Start >= t.Total {
		if at.From.IsZero() || !at.From.Add(window).Before(at.Until) {
			return connectors.Pulled{}, nil
		}
		at.Start, at.From = 0, at.From.Add(window)
	}
	next, err := json.Marshal(at)
	wait := pauseWithout
	if !in.config.APIKey.Empty() {
		wait = pauseWith
	}
	return connectors.Pulled{Next: string(next), Wait: wait}, fault.Wrap(fault.Internal, err, "writing the cursor")
}

func (c cursor) query() url.Values {
	q := url.Values{"resultsPerPage": {strconv.Itoa(perPage)}, "startIndex": {strconv.Itoa(c.Start)}}
	if !c.From.IsZero() {
		until := c.From.Add(window)
		if until.After(c.Until) {
			until = c.Until
		}
		q.Set("lastModStartDate", c.From.UTC().Format(stamp))
		q.Set("lastModEndDate", until.UTC().Format(stamp))
	}
	return q
}

func (in *Instance) authorize(r *http.Request) {
	if !in.config.APIKey.Empty() {
		r.Header.Set("apiKey", in.config.APIKey.Reveal())
	}
}
