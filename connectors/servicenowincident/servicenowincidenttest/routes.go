package servicenowincidenttest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (f *Fake) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, fn func(c *call)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			c := &call{Fake: f, w: w, r: r}
			if !c.known() {
				c.refuse(http.StatusUnauthorized, "User Not Authenticated", "Required to provide Auth information")
				return
			}
			fn(c)
		})
	}
	mux.HandleFunc("POST /oauth_token.do", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"granted","token_type":"Bearer","expires_in":1799}`) // the caller may have gone
	})
	handle("GET /api/now/table/{table}", (*call).list)
	handle("POST /api/now/table/incident", (*call).create)
	handle("PATCH /api/now/table/incident/{id}", (*call).patch)
	handle("GET /api/now/attachment", (*call).attachments)
	handle("POST /api/now/attachment/file", (*call).attach)
	return mux
}

// call is one request.
type call struct {
	*Fake
	w  http.ResponseWriter
	r  *http.Request
	by string
}

func (c *call) known() bool {
	name, password, basic := c.r.BasicAuth()
	if basic {
		c.by = name
		return password != "" && c.users[name] == password
	}
	for name := range c.users { // the only one that there is
		c.by = name
	}
	return c.r.Header.Get("Authorization") == "Bearer granted"
}

func (c *call) answer(status int, body any) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(body) // the caller may have gone
}

func (c *call) refuse(status int, message, detail string) {
	c.answer(status, map[string]any{"error": map[string]string{"message": message, "detail": detail}, "status": "failure"})
}

// list gives the rows of a table that an encoded query finds: limited first, then without
// those that an ACL hides, while the count is of all that were found.
func (c *call) list() {
	table := c.r.PathValue("table")
	if c.hidden[table] && table != "sys_journal_field" {
		c.refuse(http.StatusForbidden, "Operation Failed", "User Not Authorized")
		return
	}
	found := c.found(table, c.r.FormValue("sysparm_query"))
	limit, _ := strconv.Atoi(c.r.FormValue("sysparm_limit"))
	from, _ := strconv.Atoi(c.r.FormValue("sysparm_offset"))
	c.w.Header().Set("X-Total-Count", strconv.Itoa(len(found)))
	from = min(from, len(found))
	rows := []Record{}
	for _, r := range found[from:min(from+limit, len(found))] {
		if !c.hidden[r["sys_id"]] && !c.hidden[table] {
			rows = append(rows, c.row(r, c.r.FormValue("sysparm_fields")))
		}
	}
	c.answer(http.StatusOK, map[string]any{"result": rows})
}

// row gives the columns asked for, those of references by their dots too.
func (c *call) row(r Record, fields string) Record {
	out := Record{}
	for column := range strings.SplitSeq(fields, ",") {
		own, other, dotted := strings.Cut(column, ".")
		out[column] = r[column]
		if dotted {
			out[column] = c.bySysID("sys_user", r[own])[other]
		}
	}
	return out
}

// found knows of encoded queries what a tracker uses: equality, LIKE, and orders. A term that
// makes no sense is dropped, as the documentation says of invalid queries.
func (c *call) found(table, encoded string) []Record {
	rows := slices.Clone(c.tables[table])
	for term := range strings.SplitSeq(encoded, "^") {
		if column, ok := strings.CutPrefix(term, "ORDERBYDESC"); ok {
			slices.Reverse(rows) // the later made, the newer
			if column == "sys_updated_on" {
				slices.SortStableFunc(rows, func(a, b Record) int { return strings.Compare(b[column], a[column]) })
				break
			}
			if column == "sys_created_on" {
				break
			}
			continue
		}
		operator := "="
		if strings.Contains(term, "LIKE") {
			operator = "LIKE"
		}
		column, value, ok := strings.Cut(term, operator)
		if !ok || column == "" || column != strings.ToLower(column) {
			continue
		}
		rows = slices.DeleteFunc(rows, func(r Record) bool {
			if operator == "LIKE" {
				return !strings.Contains(r[column], value)
			}
			return !strings.EqualFold(r[column], value)
		})
	}
	return rows
}

func (c *call) decoded() (Record, bool) {
	var values Record
	if err := json.NewDecoder(c.r.Body).Decode(&values); err != nil {
		c.refuse(http.StatusBadRequest, "Exception while reading request", err.Error())
		return nil, false
	}
	return values, true
}

// policy is the data policy of resolving, as shipped.
func (c *call) policy(r, values Record) bool {
	get := func(column string) string {
		if v, ok := values[column]; ok {
			return v
		}
		return r[column]
	}
	if get("state") == Resolved && (get("close_code") == "" || get("close_notes") == "") {
		c.refuse(http.StatusForbidden, "Operation Failed", "Data Policy Exception: Resolution code, Resolution notes are mandatory")
		return false
	}
	return true
}

func (c *call) create() {
	values, ok := c.decoded()
	if !ok || !c.policy(Record{}, values) {
		return
	}
	r := c.open(values, c.by)
	c.made = append(c.made, r)
	c.writes++
	c.answer(http.StatusCreated, map[string]any{"result": c.row(r, c.r.FormValue("sysparm_fields"))})
}

// patch refuses what is closed: as shipped, a closed incident is read-only but for
// administrators, and journals stay open.
func (c *call) patch() {
	r := c.bySysID("incident", c.r.PathValue("id"))
	if r == nil || c.hidden[r["sys_id"]] {
		c.refuse(http.StatusNotFound, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
		return
	}
	values, ok := c.decoded()
	if !ok {
		return
	}
	_, note := values["work_notes"]
	if final := r["state"] == Closed || r["state"] == Canceled; final && (!note || len(values) != 1) {
		c.refuse(http.StatusForbidden, "Operation Failed", "ACL Exception Update Failed due to security constraints")
		return
	}
	if !c.policy(r, values) {
		return
	}
	c.apply(r, values, c.by)
	c.writes++
	c.answer(http.StatusOK, map[string]any{"result": c.row(r, c.r.FormValue("sysparm_fields"))})
}

func (c *call) attachments() {
	rows := append([]Record{}, c.found("sys_attachment", c.r.FormValue("sysparm_query"))...)
	c.answer(http.StatusOK, map[string]any{"result": rows})
}

func (c *call) attach() {
	id := c.r.URL.Query().Get("table_sys_id")
	body, err := io.ReadAll(c.r.Body)
	if err != nil || c.bySysID("incident", id) == nil {
		c.refuse(http.StatusNotFound, "No Record found", "the record of table_sys_id")
		return
	}
	r := c.insert("sys_attachment", Record{"table_name": c.r.URL.Query().Get("table_name"), "table_sys_id": id, "file_name": c.r.URL.Query().Get("file_name"),
		"content_type": c.r.Header.Get("Content-Type"), "size_bytes": strconv.Itoa(len(body))}, c.by)
	c.writes++
	c.answer(http.StatusCreated, map[string]any{"result": r})
}

// Later has the instance close what was resolved a while ago, as its scheduled job does after
// seven days.
func (f *Fake) Later() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.tables["incident"] {
		at, err := time.Parse(time.DateTime, r["resolved_at"])
		if r["state"] == Resolved && err == nil && f.now().Sub(at) > 7*24*time.Hour {
			f.apply(r, Record{"state": Closed}, "system")
		}
	}
}
