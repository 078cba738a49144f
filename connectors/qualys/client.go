package qualys

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// The lists of a sync, in order.
const (
	listHosts      = "hosts"
	listDetections = "detections"
)

const (
	qidsPerCall  = 500
	busyWait     = time.Minute // where Qualys says only that too many calls run at once
	truncated    = "1980"      // the warning that there is more
	everyFull    = 7 * 24 * time.Hour
	sessionsName = "quell"
)

// cursor is where a sync stands.
type cursor struct {
	List string `json:"l"`
	From string `json:"f,omitempty"` // the least host ID of the next page
	Page int    `json:"n,omitempty"` // pages until now
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return everyFull }

// Pull implements connectors.Incremental: a page of hosts, or one of detections with what
// the knowledge base says of their QIDs.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	api, err := in.api()
	if err != nil {
		return connectors.Pulled{}, err
	}
	at := cursor{List: listHosts}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading where the sync stands: %w", err)
		}
	}
	var from string
	if at.List == listHosts {
		from, err = in.hostPage(ctx, api, at.From, req.Since, page)
	} else {
		from, err = in.detectionPage(ctx, api, at.From, req.Since, page)
	}
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching page %d of %s: %w", at.Page+1, at.List, err)
	}
	next := cursor{List: at.List, From: from, Page: at.Page + 1}
	switch {
	case from != "" && from == at.From:
		return connectors.Pulled{}, fault.New(fault.Unavailable, "fetching page %d of %s: the next page is the same", at.Page+1, at.List)
	case from == "" && at.List == listDetections:
		return connectors.Pulled{Run: whole(req.Since)}, nil
	case from == "":
		next = cursor{List: listDetections}
	}
	text, err := json.Marshal(next)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing where the sync stands")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

func whole(since time.Time) exposure.Run {
	if !since.IsZero() {
		return exposure.Run{Kind: exposure.RunPartial, Why: "only what changed was asked for"}
	}
	return exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{Name + ":*"}}
}

func (in *Instance) api() (httpclient.API, error) {
	if in.config.URL == "" {
		return httpclient.API{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	return httpclient.API{
		HTTP: in.http, Base: in.config.URL, Vendor: "Qualys", Refused: refused,
		Auth: func(r *http.Request) {
			r.SetBasicAuth(in.config.Username, in.config.Password.Reveal())
			r.Header.Set("X-Requested-With", sessionsName) // Qualys refuses calls without it
		},
	}, nil
}

// refused reads Qualys' own way to ask for patience: 409, with or without a header that
// says for how long.
func refused(status int, header http.Header, _ []byte) error {
	if status != http.StatusConflict {
		return nil
	}
	wait := httpclient.RetryAfter(header)
	if wait == 0 {
		wait = busyWait
	}
	return &fault.Error{Kind: fault.Throttled, Msg: "Qualys asks to wait", RetryAfter: wait}
}

func (in *Instance) path(what string) string { return "/api/" + in.config.Version + "/fo/" + what }

// hostPage fetches hosts with what is known of them.
func (in *Instance) hostPage(ctx context.Context, api httpclient.API, from string, since time.Time, page io.Writer) (next string, err error) {
	query := url.Values{
		"action": {"list"}, "details": {"All"}, "show_asset_id": {"1"}, "show_tags": {"1"}, "show_cloud_tags": {"1"}, "host_metadata": {"all"},
		"truncation_limit": {strconv.Itoa(mostHosts)},
	}
	if from != "" {
		query.Set("id_min", from)
	}
	if !since.IsZero() {
		query.Set("vm_processed_after", since.UTC().Format(time.RFC3339))
	}
	var answer bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: in.path("asset/host/"), Query: query, Accept: "application/xml, text/xml"}, &answer); err != nil {
		return "", err
	}
	seen, err := look(answer.Bytes(), hostList)
	if err != nil {
		return "", err
	}
	if _, err = page.Write(answer.Bytes()); err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "writing the page")
	}
	return seen.next, nil
}

// detectionPage fetches detections, and then what the knowledge base says of their QIDs,
// and writes both in the order in which they can be joined on the way.
func (in *Instance) detectionPage(ctx context.Context, api httpclient.API, from string, since time.Time, page io.Writer) (next string, err error) {
	form := url.Values{
		"action": {"list"}, "status": {"New,Active,Re-Opened,Fixed"}, "show_igs": {"0"}, "show_tags": {"1"}, "show_asset_id": {"1"}, "show_qds": {"1"}, "show_results": {"1"},
		"output_format": {"XML"}, "truncation_limit": {strconv.Itoa(in.config.Hosts)},
	}
	if in.config.Information {
		form.Set("show_igs", "1")
	}
	if from != "" {
		form.Set("id_min", from)
	}
	if !since.IsZero() {
		form.Set("detection_updated_since", since.UTC().Format(time.RFC3339))
	}
	var answer bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: in.path("asset/host/vm/detection/"), Form: form, Accept: "application/xml, text/xml"}, &answer); err != nil {
		return "", err
	}
	seen, err := look(answer.Bytes(), detectionList)
	if err != nil {
		return "", err
	}
	out := &gathering{w: page}
	out.text("<" + envelope + ">\n")
	for qids := range slices.Chunk(seen.qids, qidsPerCall) {
		var entries bytes.Buffer
		form := url.Values{"action": {"list"}, "details": {"All"}, "ids": {strings.Join(qids, ",")}}
		if _, err := api.Copy(ctx, httpclient.Call{Path: in.path("knowledge_base/vuln/"), Form: form, Accept: "application/xml, text/xml"}, &entries); err != nil {
			return "", fmt.Errorf("looking up %d QIDs: %w", len(qids), err)
		}
		if _, err := look(entries.Bytes(), knowledgeBase); err != nil {
			return "", fmt.Errorf("looking up %d QIDs: %w", len(qids), err)
		}
		out.document(entries.Bytes(), knowledgeBase)
	}
	out.document(answer.Bytes(), detectionList)
	out.text("</" + envelope + ">\n")
	return seen.next, out.err
}

// gathering writes documents into one, without their prologues.
type gathering struct {
	w   io.Writer
	err error
}

func (g *gathering) text(s string) { g.bytes([]byte(s)) }

func (g *gathering) bytes(b []byte) {
	if g.err != nil {
		return
	}
	if _, err := g.w.Write(b); err != nil {
		g.err = fault.Wrap(fault.Unavailable, err, "writing the page")
	}
}

func (g *gathering) document(b []byte, root string) {
	if i := bytes.Index(b, []byte("<"+root)); i >= 0 && !bytes.Contains(b[:i], []byte("<!ENTITY")) {
		g.bytes(b[i:])
		g.text("\n")
	}
}

// looked is what the puller needs to know of an answer.
type looked struct {
	next string   // the least host ID of the next page
	qids []string // in order, each once
}

// look reads an answer for what comes next. An answer that is another document than what
// was asked for is Qualys' way to say no under status 200.
func look(body []byte, root string) (looked, error) {
	r := xmlpull.NewReader(bytes.NewReader(body), xmlFormat)
	var out looked
	if !r.Child(0) {
		return out, fault.New(fault.Unavailable, "reading an answer of Qualys: it is no XML")
	}
	if name := string(r.Name()); name != root {
		n, _ := r.Tree(largestField)
		return out, fault.New(fault.Invalid, "Qualys answered with %.40s and code %.8q in place of %s", name, n.Get("RESPONSE/CODE"), root)
	}
	seen := map[string]bool{}
	for {
		switch r.Next() {
		case xmlpull.None:
			if r.Err() != nil {
				return out, fault.New(fault.Unavailable, "reading an answer of Qualys: it breaks off")
			}
			slices.Sort(out.qids)
			return out, nil
		case xmlpull.Start:
			switch string(r.Name()) {
			case "QID":
				if qid := strings.TrimSpace(string(r.Text(16))); number(qid) && !seen[qid] {
					seen[qid] = true
					out.qids = append(out.qids, qid)
				}
			case "WARNING":
				n, _ := r.Tree(largestField)
				if out.next = following(n.Get("URL")); out.next == "" && n.Get("CODE") == truncated {
					return out, fault.New(fault.Unavailable, "reading an answer of Qualys: it says that there is more, and not where")
				}
			}
		case xmlpull.End, xmlpull.Text:
		}
	}
}

// following takes the least host ID out of the address of a next page, and nothing else.
func following(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if id := u.Query().Get("id_min"); number(id) {
		return id
	}
	return ""
}

func number(text string) bool {
	const longest = 20
	return text != "" && len(text) <= longest && strings.Trim(text, "0123456789") == ""
}
