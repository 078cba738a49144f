package slacktest

import (
	"embed"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// The pages show the workspace to people: channels with their threads, buttons that work,
// modals, the app's home, and what only oneself sees. They are plain on purpose.

//go:embed page.html
var pageText embed.FS

// page is what the template shows.
type page struct {
	Me       string
	Users    []User
	Channels []Channel
	Channel  *Channel
	Messages []shown
	Answers  []shown
	Home     []block
	Views    []shownView
	Said     string
	Command  string
}

type shown struct {
	Channel, TS, Thread, User, Text string
	Edited                          bool
	Blocks                          []block
}

type shownView struct {
	ID     string
	Title  string
	Submit string
	Blocks []block
}

func (s *Server) pages() {
	t := template.Must(template.New("page.html").Funcs(template.FuncMap{"markup": markup, "part": part}).ParseFS(pageText, "page.html"))
	guard := http.NewCrossOriginProtection()
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.show(w, r, t, "") })
	s.mux.Handle("POST /{$}", guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := s.act(r)
		s.show(w, r, t, said)
	})))
}

// act carries out what somebody did on a page, and gives what the app answered at once.
func (s *Server) act(r *http.Request) string {
	r.Body = http.MaxBytesReader(nil, r.Body, largestCall)
	if err := r.ParseForm(); err != nil {
		return err.Error()
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	ctx := At(r.Context(), scheme+r.Host)
	me, channel := r.Form.Get("me"), r.Form.Get("channel")
	var reply Reply
	var err error
	switch r.Form.Get("do") {
	case "run":
		reply, err = s.Run(ctx, me, channel, strings.TrimSpace(strings.TrimPrefix(r.Form.Get("text"), s.o.Command)))
	case "press":
		reply, err = s.Press(ctx, me, channel, r.Form.Get("ts"), r.Form.Get("action"))
	case "press-home":
		reply, err = s.PressHome(ctx, me, r.Form.Get("action"))
	case "home":
		reply, err = s.OpenHome(ctx, me)
	case "submit":
		for _, v := range s.Views(me) {
			if v.ID == r.Form.Get("view") {
				reply, err = s.Submit(ctx, v, filled(v.Blocks, r.Form))
			}
		}
	}
	if err != nil {
		return err.Error()
	}
	var answer struct {
		Text   string            `json:"text"`
		Errors map[string]string `json:"errors"`
	}
	if json.Unmarshal([]byte(reply.Body), &answer) == nil && answer.Text+strings.Join(slices.Sorted(maps.Keys(answer.Errors)), "") != "" {
		var out strings.Builder
		out.WriteString(answer.Text)
		for _, field := range slices.Sorted(maps.Keys(answer.Errors)) {
			out.WriteString(field + ": " + answer.Errors[field] + "\n")
		}
		return out.String()
	}
	return ""
}

// filled reads a modal's fields from a form.
func filled(raw json.RawMessage, form url.Values) map[string]any {
	out := map[string]any{}
	var blocks []block
	if json.Unmarshal(raw, &blocks) != nil {
		return out
	}
	for i := range blocks {
		b := &blocks[i]
		values := form["f:"+b.ID]
		if b.Type != "input" || len(values) == 0 || len(values) == 1 && values[0] == "" {
			continue
		}
		out[b.ID] = values[0]
		if b.Element.Type == "checkboxes" || b.Element.Type == "multi_static_select" {
			out[b.ID] = values
		}
	}
	return out
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, t *template.Template, said string) {
	me, channel := r.FormValue("me"), r.FormValue("channel")
	p := page{Me: me, Said: said, Command: s.o.Command}
	s.mu.Lock()
	for _, u := range s.users {
		p.Users = append(p.Users, *u)
	}
	slices.SortFunc(p.Users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	if me == "" && len(p.Users) > 0 {
		p.Me = p.Users[0].ID
	}
	for _, id := range s.order {
		c := *s.channels[id]
		if c.direct == "" || c.direct == p.Me {
			p.Channels = append(p.Channels, c)
		}
	}
	if channel == "" && len(p.Channels) > 0 {
		channel = p.Channels[0].ID
	}
	if c := s.channels[channel]; c != nil && (c.direct == "" || c.direct == p.Me) {
		p.Channel = c
		p.Messages = s.threads(channel)
	}
	for _, e := range slices.Backward(s.ledger) {
		if e.User == p.Me && e.Channel == channel && len(p.Answers) < 5 {
			p.Answers = append(p.Answers, shown{Text: e.Text, Blocks: blocksOf([]byte(e.Blocks))})
		}
	}
	p.Home = blocksOf(s.homes[p.Me])
	s.mu.Unlock()
	for _, v := range s.Views(p.Me) {
		var raw struct{ Title, Submit text }
		_ = json.Unmarshal(v.Raw, &raw) // it was read when it was opened
		p.Views = append(p.Views, shownView{ID: v.ID, Title: raw.Title.Text, Submit: raw.Submit.Text, Blocks: blocksOf(v.Blocks)})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
	if err := t.Execute(w, p); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// piece is one block or element with the page that it is on.
type piece struct {
	Block any
	Page  page
	TS    string
}

func part(b any, p page, ts string) piece { return piece{b, p, ts} }

func blocksOf(raw []byte) []block {
	var blocks []block
	_ = json.Unmarshal(raw, &blocks) // they were checked when they came
	return blocks
}

// threads gives a channel's messages, each followed by what was answered to it.
func (s *Server) threads(channel string) []shown {
	var out []shown
	all := s.messages[channel]
	add := func(m *Message) {
		out = append(out, shown{Channel: channel, TS: m.TS, Thread: m.Thread, User: m.User, Text: m.Text, Edited: m.Edited != nil, Blocks: blocksOf(m.Blocks)})
	}
	for _, m := range all {
		if m.Thread != "" || m.deleted {
			continue
		}
		add(m)
		for _, reply := range all {
			if reply.Thread == m.TS && !reply.deleted {
				add(reply)
			}
		}
	}
	return out
}

var (
	slackLink = regexp.MustCompile(`&lt;(https?://[^|<>\s]+?)\|([^<>]*?)&gt;`)
	slackDate = regexp.MustCompile(`&lt;!date\^\d+\^[^|]*\|([^<>]*?)&gt;`)
	slackBold = regexp.MustCompile(`(^|[\s(])\*([^*\n]+)\*`)
)

// markup shows mrkdwn. What Slack would show as text is escaped twice on its way here, and
// shows as that text.
func markup(t *text) template.HTML {
	if t == nil {
		return ""
	}
	out := template.HTMLEscapeString(t.Text)
	if t.Type == "mrkdwn" {
		out = slackDate.ReplaceAllString(out, "$1")
		out = slackLink.ReplaceAllString(out, `<a href="$1" rel="noreferrer">$2</a>`)
		out = slackBold.ReplaceAllString(out, "$1<b>$2</b>")
		out = strings.NewReplacer("&amp;lt;", "&lt;", "&amp;gt;", "&gt;", "&amp;amp;", "&amp;").Replace(out)
	}
	return template.HTML(strings.ReplaceAll(out, "\n", "<br>")) //nolint:gosec // escaped above, and only our own tags put in
}
