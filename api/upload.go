package api

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

const (
	maxFiles     = 1000 // in one form
	maxFileName  = 255
	tooLargeFile = "split the report"
)

// Refusal is one file of a form that was not stored, and why.
type Refusal struct {
	Name   string     `json:"name,omitempty"`
	Code   fault.Kind `json:"code"`
	Detail string     `json:"detail"`
}

// Uploaded is what became of each file of a form. Those accepted are stored, whatever
// happened to the others.
type Uploaded struct {
	Accepted []Accepted `json:"accepted"`
	Refused  []Refusal  `json:"refused,omitempty"`
}

// Replayed is a delivery that is to be ingested once more.
type Replayed struct {
	Delivery string                  `json:"delivery"`
	Status   exposure.DeliveryStatus `json:"status"`
}

func deliveryRoutes() []route {
	key := text("Idempotency-Key", "Makes a repeat of the request the same delivery.")
	return append(heldRoutes(), []route{
		{method: http.MethodPost, path: "/hooks/{source}", name: "hook", tag: "deliveries", summary: "Take in a source's webhook",
			doc: "Authenticated by the source's own secret: a bearer token, or a signature over the raw body. Content-Encoding gzip is taken. " +
				"The body is stored durably before the answer.",
			access: open(), body: &upload{types: []string{"*/*"}, doc: "The body as its vendor sends it."},
			out: Accepted{}, status: http.StatusAccepted, handle: (*Server).hook},
		{method: http.MethodPost, path: prefix + "/sources/{name}/deliveries", name: "deliver", tag: "deliveries",
			summary: "Upload one report of a source", doc: "Content-Encoding gzip is taken.", access: needs(RoleOperator).entirely(),
			query: []param{text("name", "The file's name, for people.")}, headers: []param{key},
			body: &upload{types: []string{"application/octet-stream", "*/*"}, doc: "The report as it is."},
			out:  Accepted{}, status: http.StatusAccepted, handle: (*Server).deliver},
		{method: http.MethodPost, path: prefix + "/deliveries", name: "deliverFiles", tag: "deliveries", summary: "Upload reports of a source, many at once",
			access: needs(RoleOperator).entirely(), query: []param{text("source", "The source; or a form field of that name before the files.")},
			headers: []param{key}, body: &upload{form: true, doc: "Any number of files, and their source."},
			out: Uploaded{}, status: http.StatusAccepted, handle: (*Server).deliverFiles},
		{method: http.MethodGet, path: prefix + "/deliveries", name: "deliveries", tag: "deliveries", summary: "List deliveries, newest first",
			access: needs(RoleViewer).entirely(), query: append(pageParams(), text("source", "The source."), choice("status", "How far it has come.", deliveryStatuses())),
			out: exposure.Page[exposure.Delivery]{}, handle: (*Server).listDeliveries},
		{method: http.MethodGet, path: prefix + "/deliveries/{id}", name: "delivery", tag: "deliveries", summary: "What became of a delivery",
			access: needs(RoleViewer).entirely(), out: exposure.Delivery{}, handle: (*Server).getDelivery},
		{method: http.MethodPost, path: prefix + "/deliveries/{id}/replay", name: "replay", tag: "deliveries", summary: "Ingest a delivery once more",
			doc: "For one that failed, or was rejected, once the reason is mended.", access: needs(RoleOperator).entirely(),
			out: Replayed{}, status: http.StatusAccepted, handle: (*Server).replay},
	}...)
}

func deliveryStatuses() []exposure.DeliveryStatus {
	return []exposure.DeliveryStatus{exposure.DeliveryReceived, exposure.DeliveryWorking, exposure.DeliveryDone, exposure.DeliveryRepeated,
		exposure.DeliveryHistory, exposure.DeliveryFailed, exposure.DeliveryParked, exposure.DeliveryRejected}
}

// sourceNamed finds a configured source for somebody who may know which there are.
func (s *Server) sourceNamed(name string) (SourceInfo, error) {
	source, ok := s.deps.Source(name)
	if !ok {
		return source, fault.New(fault.NotFound, "there is no source %q; /api/v1/sources lists all", shown(name))
	}
	return source, nil
}

// deliver takes in one report as the body.
func (s *Server) deliver(c *call) error {
	source, err := s.sourceNamed(c.param("name"))
	if err != nil {
		return err
	}
	zipped, err := encoded(c.Request().Header)
	if err != nil {
		return err
	}
	body := &limited{r: newPatient(c), limit: maxUpload, what: tooLargeFile}
	out, err := s.accept(c.Request().Context(), incoming{source: source.Name, vendor: cleanDeliveryID(c.Request().Header.Get("Idempotency-Key")),
		via: "upload", by: c.token.Name, name: fileName(c.QueryParam("name")),
		open: func() (io.Reader, error) { return plain(body, zipped, maxUpload, tooLargeFile) }})
	if err != nil {
		return err
	}
	c.persist()
	return c.json(http.StatusAccepted, out)
}

// deliverFiles takes in the files of a form, one after the other, each stored durably
// before the next is read.
func (s *Server) deliverFiles(c *call) error {
	// The reader of the form reads through patient, so that slow files don't run out of time.
	request := c.Request()
	request.Body = io.NopCloser(newPatient(c))
	form, err := request.MultipartReader()
	if err != nil {
		return problem(http.StatusUnsupportedMediaType, fault.Invalid, "send this as Content-Type: multipart/form-data: %v", err)
	}
	f := files{server: s, call: c, source: c.QueryParam("source"), out: Uploaded{Accepted: []Accepted{}}}
	if err := f.all(form); err != nil {
		return err
	}
	c.persist()
	return c.json(http.StatusAccepted, f.out)
}

// files is one form on its way in.
type files struct {
	server *Server
	call   *call
	source string
	out    Uploaded
	last   error // why the last refused one was
}

func (f *files) all(form *multipart.Reader) error {
	for n := 0; ; n++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return f.end()
		case err != nil:
			f.refuse("", problem(http.StatusBadRequest, fault.Invalid, "reading the form after %d files: %v", len(f.out.Accepted), err))
			return f.end()
		case n > maxFiles:
			f.refuse("", problem(http.StatusBadRequest, fault.Invalid, "a form may hold %d files; send the rest in another", maxFiles))
			return f.end()
		}
		if err := f.one(part, n); err != nil {
			if kind := fault.KindOf(err); kind == fault.Unavailable || kind == fault.Internal {
				if p := problemOf(err); p.Status >= http.StatusInternalServerError {
					return err // the others would fare no better
				}
			}
			f.refuse(fileName(part.FileName()), err)
		}
	}
}

// end is the problem of a form of which nothing was stored.
func (f *files) end() error {
	switch {
	case len(f.out.Accepted) > 0:
		return nil
	case f.last != nil:
		return f.last
	}
	return invalid(FieldError{Field: "file", Detail: "the form holds no files"})
}

func (f *files) refuse(name string, err error) {
	p := problemOf(err)
	f.out.Refused = append(f.out.Refused, Refusal{Name: name, Code: p.Code, Detail: p.Detail})
	f.last = err
}

func (f *files) one(part *multipart.Part, n int) error {
	if part.FileName() == "" {
		return f.field(part)
	}
	source, err := f.server.sourceNamed(f.source)
	if f.source == "" {
		return invalid(FieldError{Field: "source", Detail: "name the source before the files, as a parameter or a form field"})
	}
	if err != nil {
		return err
	}
	vendor := cleanDeliveryID(f.call.Request().Header.Get("Idempotency-Key"))
	if vendor != "" {
		vendor += ":" + strconv.Itoa(n)
	}
	body := &limited{r: part, limit: maxUpload, what: tooLargeFile}
	out, err := f.server.accept(f.call.Request().Context(), incoming{source: source.Name, vendor: vendor, via: "upload", by: f.call.token.Name,
		name: fileName(part.FileName()), open: func() (io.Reader, error) { return body, nil }})
	if err != nil {
		return err
	}
	f.out.Accepted = append(f.out.Accepted, out)
	return nil
}

// field reads a part that isn't a file: the source, or nothing that is known.
func (f *files) field(part *multipart.Part) error {
	if part.FormName() != "source" {
		return invalid(FieldError{Field: shown(part.FormName()), Detail: "is not a field of this form"})
	}
	value, err := io.ReadAll(io.LimitReader(part, maxValue))
	if err != nil {
		return err
	}
	f.source = string(value)
	return nil
}

// fileName keeps of a file's name what is safe to show.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" {
		return ""
	}
	return shown(name)
}

// shown is a text from outside, cut and without what a terminal would obey or turn around.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	if len(text) > maxFileName {
		text = strings.ToValidUTF8(text[:maxFileName], "")
	}
	return text
}

func (s *Server) listDeliveries(c *call) error {
	page, err := s.deps.Deliveries.FindDeliveries(c.Request().Context(), c.QueryParam("source"), c.QueryParam("status"), listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding deliveries")
	}
	return c.json(http.StatusOK, paged(page))
}

func (s *Server) getDelivery(c *call) error {
	d, err := s.deps.Deliveries.Delivery(c.Request().Context(), c.param("id"))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading a delivery")
	}
	return c.json(http.StatusOK, d)
}

// replay puts an ended delivery back into its source's queue.
func (s *Server) replay(c *call) error {
	ctx := c.Request().Context()
	d, err := s.deps.Deliveries.Delivery(ctx, c.param("id"))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading a delivery")
	}
	if d.Status == exposure.DeliveryReceived || d.Status == exposure.DeliveryWorking {
		return fault.New(fault.Conflict, "replaying delivery %s: it is %s, and will be ingested", d.ID, d.Status)
	}
	if d.Waits() {
		return fault.New(fault.Conflict, "replaying delivery %s: it is held; approve or reject it", d.ID)
	}
	if _, err := s.sourceNamed(d.Source); err != nil {
		return fault.New(fault.Conflict, "replaying delivery %s: its source %s is no longer configured", d.ID, d.Source)
	}
	d.Status, d.Checkpoint, d.Error, d.EndedAt, d.Hold = exposure.DeliveryReceived, 0, "", time.Time{}, nil
	if err := s.deps.Deliveries.PutDelivery(ctx, d); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "putting delivery "+d.ID+" back into the queue")
	}
	s.audit(c, "delivery replayed", d.ID)
	s.wakes.source(ctx, d.Source)
	return c.json(http.StatusAccepted, Replayed{Delivery: d.ID, Status: d.Status})
}

// paged is a page whose items are a list even when there are none.
func paged[T any](p exposure.Page[T]) exposure.Page[T] {
	if p.Items == nil {
		p.Items = []T{}
	}
	return p
}
