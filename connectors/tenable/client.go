package tenable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// The two exports, in the order in which they are made: findings find their assets known.
const (
	assets = "assets"
	vulns  = "vulns"
)

const (
	assetsPerChunk   = 1000
	findingsPerChunk = 500 // assets whose findings make a chunk
	shortestWait     = 10 * time.Second
	longestWait      = 2 * time.Minute
	mostPolls        = 720   // a day of the longest waits
	longestChunks    = 4_000 // bytes of a cursor
	everyFull        = 7 * 24 * time.Hour
)

// cursor is where a sync stands.
type cursor struct {
	Export string `json:"e"`           // assets, vulns
	UUID   string `json:"u,omitempty"` // of the job; empty: it is not begun
	Polls  int    `json:"p,omitempty"`
	Chunks string `json:"c,omitempty"` // what is to be fetched: "3-17,20"
	Last   int    `json:"l,omitempty"` // the last chunk that was fetched
	More   bool   `json:"m,omitempty"` // there are more chunks than Chunks could hold
	Lost   int    `json:"x,omitempty"` // chunks that the vendor could not make, of both exports
	Made   int    `json:"n,omitempty"` // chunks that were fetched
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return everyFull }

// Pull implements connectors.Incremental: it begins a job, asks how it stands, or fetches
// one chunk.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	api, err := in.api()
	if err != nil {
		return connectors.Pulled{}, err
	}
	at := cursor{Export: assets}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading where the sync stands: %w", err)
		}
	}
	var wait time.Duration
	switch {
	case at.UUID == "":
		at.UUID, err = in.begin(ctx, api, at.Export, req.Since)
	case at.Chunks == "":
		wait, err = at.poll(ctx, api)
	default:
		err = at.fetch(ctx, api, page)
	}
	if err != nil {
		return connectors.Pulled{}, forgotten(err, at.UUID != "")
	}
	if at.Export == "" {
		return connectors.Pulled{Run: in.whole(&at, req.Since)}, nil
	}
	next, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing where the sync stands")
	}
	return connectors.Pulled{Next: string(next), Wait: wait}, nil
}

func (in *Instance) api() (httpclient.API, error) {
	if in.config.URL == "" {
		return httpclient.API{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	keys := "accessKey=" + in.config.AccessKey.Reveal() + ";secretKey=" + in.config.SecretKey.Reveal()
	return httpclient.API{
		HTTP: in.http, Base: in.config.URL, Vendor: "Tenable", Refused: running,
		Auth: func(r *http.Request) { r.Header.Set("X-ApiKeys", keys) },
	}, nil
}

// runningError is the refusal of a job that is running already.
type runningError struct{ uuid string }

// Error implements error.
func (*runningError) Error() string { return "the same export is running already" }

// running reads the job out of such a refusal: our own, from before a crash.
func running(status int, _ http.Header, body []byte) error {
	var answer struct {
		Active string `json:"active_job_id"`
	}
	if status != http.StatusConflict || json.Unmarshal(body, &answer) != nil || !plain(answer.Active) {
		return nil //nolint:nilerr // an answer that can't be read names no job
	}
	return &runningError{answer.Active}
}

// plain reports whether a text may be part of a path: Tenable's UUIDs are.
func plain(uuid string) bool {
	const longest = 64
	return uuid != "" && len(uuid) <= longest && strings.Trim(strings.ToLower(uuid), "0123456789abcdefghijklmnopqrstuvwxyz-") == ""
}

func (in *Instance) begin(ctx context.Context, api httpclient.API, export string, since time.Time) (string, error) {
	var answer struct {
		UUID string `json:"export_uuid"`
	}
	_, err := api.Get(ctx, httpclient.Call{Path: "/" + export + "/export", JSON: in.request(export, since)}, &answer)
	var same *runningError
	if errors.As(err, &same) {
		return same.uuid, nil
	}
	if err != nil {
		return "", fmt.Errorf("beginning an export of %s: %w", export, err)
	}
	if !plain(answer.UUID) {
		return "", fault.New(fault.Unavailable, "beginning an export of %s: the answer names no job", export)
	}
	return answer.UUID, nil
}

// request is what to export. All states are named, since fixed ones are left out by
// default, and so is a time, since without one Tenable goes back 30 days only.
func (in *Instance) request(export string, since time.Time) any {
	filters := map[string]any{}
	if export == assets {
		if !since.IsZero() {
			filters["updated_at"] = since.Unix()
		}
		return map[string]any{"chunk_size": assetsPerChunk, "filters": filters}
	}
	filters["state"] = []string{"OPEN", "REOPENED", "FIXED"}
	if since.IsZero() {
		filters["since"] = in.now().AddDate(0, 0, -in.config.Days).Unix()
	} else {
		filters["indexed_at"] = since.Unix()
	}
	if len(in.config.Severities) > 0 {
		filters["severity"] = in.config.Severities
	}
	body := map[string]any{"num_assets": findingsPerChunk, "filters": filters}
	if in.config.Unlicensed {
		body["include_unlicensed"] = true
	}
	return body
}

// poll asks how the job stands. Chunks are fetched once it is done, as only then it is
// known which of them failed.
func (c *cursor) poll(ctx context.Context, api httpclient.API) (time.Duration, error) {
	var s wireStatus
	if _, err := api.Get(ctx, httpclient.Call{Path: "/" + c.Export + "/export/" + c.UUID + "/status"}, &s); err != nil {
		return 0, fmt.Errorf("asking how the export of %s stands: %w", c.Export, err)
	}
	switch word(s.Status.String()) {
	case "finished":
		left := make([]int, 0, len(s.Available))
		for _, n := range s.Available {
			if n.OK && n.Int() > c.Last {
				left = append(left, n.Int())
			}
		}
		slices.Sort(left)
		if c.Last == 0 {
			c.Lost += lost(&s)
		}
		c.Polls = 0
		c.hold(slices.Compact(left))
		return 0, nil
	case "queued", "processing", "running", "":
		if c.Polls++; c.Polls > mostPolls {
			return 0, fault.New(fault.Conflict, "waiting for an export of %s: it is not done after a day", c.Export)
		}
		return min(shortestWait*time.Duration(c.Polls), longestWait), nil
	default:
		return 0, fault.New(fault.Conflict, "waiting for an export of %s: it ended as %.32q", c.Export, s.Status.String())
	}
}

// lost counts the chunks that were not made. The total, where it is told, knows of those
// that no list names.
func lost(s *wireStatus) int {
	n := len(s.Failed) + len(s.Cancelled)
	if s.Total.OK && s.Finished.OK {
		n = max(n, s.Total.Int()-s.Finished.Int())
	}
	return n
}

// hold notes what is to be fetched; with nothing left it goes on to what follows.
func (c *cursor) hold(left []int) {
	var text []byte
	c.More = false
	for i := 0; i < len(left); {
		j := i
		for j+1 < len(left) && left[j+1] == left[j]+1 {
			j++
		}
		if len(text) > longestChunks {
			c.More = true
			break
		}
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(left[i]), 10)
		if j > i {
			text = append(text, '-')
			text = strconv.AppendInt(text, int64(left[j]), 10)
		}
		i = j + 1
	}
	c.Chunks = string(text)
	if c.Chunks == "" {
		c.follow()
	}
}

// follow goes on to the next export, or ends.
func (c *cursor) follow() {
	next := vulns
	if c.Export == vulns {
		next = ""
	}
	*c = cursor{Export: next, Lost: c.Lost, Made: c.Made}
}

func (c *cursor) fetch(ctx context.Context, api httpclient.API, page io.Writer) error {
	first, rest, _ := strings.Cut(c.Chunks, ",")
	from, to, isRange := strings.Cut(first, "-")
	n, err := strconv.Atoi(from)
	if err != nil || n < 0 {
		return fault.New(fault.Invalid, "reading where the sync stands: %.32q is no chunk", first)
	}
	call := httpclient.Call{Path: "/" + c.Export + "/export/" + c.UUID + "/chunks/" + strconv.Itoa(n), Accept: "application/octet-stream, application/json"}
	if _, err := api.Copy(ctx, call, page); err != nil {
		return fmt.Errorf("fetching chunk %d of an export of %s: %w", n, c.Export, err)
	}
	c.Last = n
	c.Made++
	if last, err := strconv.Atoi(to); isRange && err == nil && last > n {
		first = strconv.Itoa(n+1) + "-" + to
		if last == n+1 {
			first = to
		}
		rest = strings.TrimSuffix(first+","+rest, ",")
	}
	if c.Chunks = rest; rest == "" && !c.More {
		c.follow()
	}
	return nil
}

// forgotten tells that a job is gone: exports are kept for a day.
func forgotten(err error, begun bool) error {
	if begun && fault.Is(err, fault.NotFound) {
		return errors.Join(connectors.ErrExpired, err)
	}
	return err
}

// whole is what the sync came to.
func (in *Instance) whole(c *cursor, since time.Time) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{"nessus:*", "nessus-ot:*"}, Tool: "Tenable VM",
		Counts: map[string]int{"chunks": c.Made, "chunks_lost": c.Lost}}
	switch {
	case !since.IsZero():
		run.Kind, run.Complete, run.Why = exposure.RunPartial, false, "only what changed was asked for"
	case c.Lost > 0:
		run.Complete, run.Why = false, "the export lost "+strconv.Itoa(c.Lost)+" of its chunks"
	case len(in.config.Severities) > 0:
		run.Complete, run.Why = false, "only findings of some severities were asked for"
	}
	return run
}
