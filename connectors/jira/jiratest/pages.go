package jiratest

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// The pages are for clicking on in a sandbox: plain forms, no scripts. Whoever clicks is
// the person named on the form.

const look = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#172b4d}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left}pre{white-space:pre-wrap;background:#f4f5f7;padding:1rem;border-radius:4px}
form{display:inline-block;margin:.2rem 1rem .2rem 0}.done{color:#006644}.note{color:#5e6c84}</style></head><body>
<p class="note">A Jira to try things out on. It forgets everything when it stops.</p>{{if .Issue.Key}}{{template "issue" .}}{{else}}{{template "list" .}}{{end}}</body></html>
{{define "list"}}<h1>Issues</h1><table><tr><th>Key</th><th>Title</th><th>Status</th><th>Priority</th><th>Due</th><th>Assignee</th></tr>
{{range .Issues}}<tr><td><a href="/browse/{{.Key}}">{{.Key}}</a></td><td>{{.Title}}</td><td{{if eq .Category "done"}} class="done"{{end}}>{{.Status}}</td><td>{{.Priority}}</td><td>{{.Due}}</td><td>{{.Assignee}}</td></tr>
{{else}}<tr><td colspan="6">There is none yet.</td></tr>{{end}}</table>{{end}}
{{define "issue"}}{{$i := .Issue}}<p><a href="/">All issues</a></p><h1>{{$i.Key}} · {{$i.Title}}</h1>
<p><b>{{$i.Status}}</b> · {{$i.Priority}} · due {{$i.Due}} · {{range $i.Labels}}<code>{{.}}</code> {{end}}</p>
{{range .Statuses}}<form method="post" action="/browse/{{$i.Key}}/move"><input type="hidden" name="to" value="{{.Name}}"><button>Move to {{.Name}}</button></form>{{end}}
<form method="post" action="/browse/{{$i.Key}}/edit"><input type="hidden" name="field" value="duedate"><input type="date" name="value" value="{{$i.Due}}"><button>Set the due date</button></form>
<form method="post" action="/browse/{{$i.Key}}/edit"><input type="hidden" name="field" value="priority"><select name="value">{{range .Priorities}}<option{{if eq . $i.Priority}} selected{{end}}>{{.}}</option>{{end}}</select><button>Set the priority</button></form>
<form method="post" action="/browse/{{$i.Key}}/delete"><button>Delete</button></form>
<h2>Description</h2><pre>{{$i.Text.Text}}</pre>
{{if $i.Files}}<h2>Files</h2><ul>{{range $i.Files}}<li>{{.}}</li>{{end}}</ul>{{end}}
<h2>Comments</h2>{{range $n, $c := $i.Comments}}<p><b>{{index $i.Authors $n}}</b></p><pre>{{$c.Text}}</pre>{{end}}
<form method="post" action="/browse/{{$i.Key}}/comment"><textarea name="text" rows="3" cols="60" required></textarea><br><button>Comment</button></form>{{end}}`

type page struct {
	Title      string
	Issues     []Issue
	Issue      Issue
	Statuses   []Status
	Priorities []string
}

// person is who clicks. There is no login: the pages are for one's own machine.
const person = "ann"

func (s *Server) pages(mux *http.ServeMux) {
	layout := template.Must(template.New("page").Parse(look))
	show := func(w http.ResponseWriter, p *page) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
		_ = layout.Execute(w, p) // whoever hung up doesn't want it
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		p := &page{Title: "Issues"}
		for _, key := range s.Keys() {
			p.Issues = append(p.Issues, s.Issue(key))
		}
		slices.Reverse(p.Issues)
		show(w, p)
	})
	mux.HandleFunc("GET /browse/{key}", func(w http.ResponseWriter, r *http.Request) {
		x, there := s.known(r.PathValue("key"))
		if !there {
			http.NotFound(w, r)
			return
		}
		p := &page{Title: x.Key, Issue: x, Statuses: slices.DeleteFunc(s.Statuses(x.Project), func(st Status) bool { return st.Name == x.Status })}
		s.Set(x.Project, func(of *Project) { p.Priorities = slices.Clone(of.Priorities) })
		show(w, p)
	})
	mux.HandleFunc("POST /browse/{key}/{action}", s.click)
}

func (s *Server) known(key string) (Issue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.find(key)
	if x == nil || x.Deleted {
		return Issue{}, false
	}
	return s.look(x), true
}

// click does what a form says. A form of another site is refused by its origin.
func (s *Server) click(w http.ResponseWriter, r *http.Request) {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		http.Error(w, "this form is of another site", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	x, there := s.known(r.PathValue("key"))
	if !there || r.ParseForm() != nil {
		http.NotFound(w, r)
		return
	}
	next := "/browse/" + x.Key
	switch r.PathValue("action") {
	case "move":
		s.Move(x.Key, r.PostForm.Get("to"), person)
	case "comment":
		if text := strings.TrimSpace(r.PostForm.Get("text")); text != "" {
			s.Say(x.Key, text, person)
		}
	case "edit":
		if err := s.Edit(x.Key, r.PostForm.Get("field"), r.PostForm.Get("value"), person); err != nil {
			http.Error(w, "Jira doesn't take this value", http.StatusBadRequest)
			return
		}
	case "delete":
		s.Delete(x.Key, person)
		next = "/"
	default:
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}
