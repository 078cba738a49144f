package jiratest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) commentJSON(c *comment, properties bool) map[string]any {
	out := map[string]any{"id": itoa(c.ID), "author": s.user(c.Author), "body": c.Body, "created": stamp(c.Created), "updated": stamp(c.Created)}
	// In Data Center properties are not given back with comments (assumed: its
	// documentation knows renderedBody as the only thing to expand).
	if properties && s.o.Mode == Cloud {
		out["properties"] = []any{}
		if len(c.Properties) > 0 {
			out["properties"] = c.Properties
		}
	}
	return out
}

func (s *Server) commented(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no != nil {
		return answer{}, no
	}
	list := slices.Clone(x.Comments)
	if c.query("orderBy") == "-created" {
		slices.Reverse(list)
	}
	from := min(c.number("startAt", 0), len(list))
	to := min(from+min(c.number("maxResults", 50), 100), len(list))
	out := []map[string]any{}
	for i := from; i < to; i++ {
		out = append(out, s.commentJSON(&list[i], strings.Contains(c.query("expand"), "properties")))
	}
	return answer{http.StatusOK, map[string]any{"startAt": from, "maxResults": to - from, "total": len(list), "comments": out}}, nil
}

func (s *Server) comment(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no == nil {
		no = s.allowed(x, "ADD_COMMENTS", "You do not have the permission to comment on this issue.")
	}
	if no != nil {
		return answer{}, no
	}
	var in struct {
		Body       json.RawMessage `json:"body"`
		Properties json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return answer{}, refuse(http.StatusBadRequest, "Unexpected character in the request body")
	}
	kept, message := s.keep(in.Body)
	if message == "" && s.reader(kept).Text == "" {
		message = "Comment body can not be empty!"
	}
	if message != "" {
		return answer{}, wrong(map[string]string{"comment": message})
	}
	made := s.saidBy(x, bot, kept, in.Properties)
	return answer{http.StatusCreated, s.commentJSON(made, false)}, nil
}

func (s *Server) saidBy(x *issue, by string, body, properties json.RawMessage) *comment {
	s.comments++
	made := comment{ID: 30000 + s.comments, Author: by, Body: body, Properties: properties, Created: s.now()}
	x.Comments = append(slices.Clip(x.Comments), made)
	x.Updated = s.now()
	s.index(x)
	s.tell("comment_created", x, by, nil, &made)
	return &made
}

// attach takes a file. The guard against forged requests wants its header
// (developer.atlassian.com: "Add attachment").
func (s *Server) attach(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no == nil {
		no = s.allowed(x, "CREATE_ATTACHMENTS", "You do not have permission to create attachments for this issue.")
	}
	if no == nil && c.r.Header.Get("X-Atlassian-Token") != "no-check" {
		no = refuse(http.StatusForbidden, "XSRF check failed")
	}
	if no != nil {
		return answer{}, no
	}
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return answer{}, refuse(http.StatusUnsupportedMediaType, "not a form")
	}
	form := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	out := []map[string]any{}
	for {
		part, err := form.NextPart()
		if err != nil {
			break
		}
		body, err := io.ReadAll(part)
		if err != nil || part.FormName() != "file" {
			return answer{}, refuse(http.StatusBadRequest, "no file")
		}
		f := file{ID: 40000 + len(x.Files), Name: part.FileName(), Type: part.Header.Get("Content-Type"), Size: len(body), Created: s.now()}
		x.Files = append(slices.Clip(x.Files), f)
		s.changed(x, bot, []item{{Field: "Attachment", FieldType: "jira", To: itoa(f.ID), ToString: f.Name}}, nil)
		out = append(out, map[string]any{"id": itoa(f.ID), "filename": f.Name, "size": f.Size})
	}
	return answer{http.StatusOK, out}, nil
}
