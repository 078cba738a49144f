// Package servicenowincidenttest is a fake ServiceNow, as far as a tracker and the people
// beside it use it: the Table API with encoded queries over incidents, users, groups, choices
// and journals, the Attachment API, ACLs that filter what was found and not what was counted,
// data policies, states that nothing leaves, and the instance's own arithmetic of priorities.
// It keeps a ledger of what was really made and needs no test to run.
package servicenowincidenttest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors/fakevendor"
)

// The states of an incident, as shipped.
const (
	New        = "1"
	InProgress = "2"
	OnHold     = "3"
	Resolved   = "6"
	Closed     = "7"
	Canceled   = "8"
)

// Record is a row, by column.
type Record map[string]string

// Fake is one instance.
type Fake struct {
	Faults fakevendor.Faults

	mu     sync.Mutex
	now    func() time.Time
	users  map[string]string   // passwords by user name
	tables map[string][]Record // in the order of their making
	hidden map[string]bool     // sys_ids that an ACL hides, and names of tables
	made   []Record
	writes int
	serial int
	// numbers counts the incidents that there ever were.
	numbers int
}

// Instance makes an instance with the clock's time.
func Instance(now func() time.Time) *Fake {
	f := &Fake{now: now, users: map[string]string{}, tables: map[string][]Record{}, hidden: map[string]bool{}}
	for _, value := range []string{"Solution provided", "Workaround provided", "Resolved by caller", "Duplicate"} {
		f.insert("sys_choice", Record{"name": "incident", "element": "close_code", "value": value, "inactive": "false"}, "system")
	}
	return f
}

// User makes an active user; with a password it may use the API.
func (f *Fake) User(name, password string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if password != "" {
		f.users[name] = password
	}
	f.insert("sys_user", Record{"user_name": name, "active": "true"}, "system")
}

// Group makes an active group.
func (f *Fake) Group(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.insert("sys_user_group", Record{"name": name, "active": "true"}, "system")
}

func (f *Fake) insert(table string, r Record, by string) Record {
	f.serial++
	r["sys_id"] = fmt.Sprintf("%032x", f.serial)
	r["sys_created_by"], r["sys_created_on"] = by, f.at()
	f.touch(r)
	f.tables[table] = append(f.tables[table], r)
	return r
}

func (f *Fake) at() string { return f.now().UTC().Format(time.DateTime) }

func (f *Fake) touch(r Record) { r["sys_updated_on"] = f.at() }

func (f *Fake) byNumber(number string) Record {
	for _, r := range f.tables["incident"] {
		if r["number"] == number {
			return r
		}
	}
	panic("there is no incident " + number)
}

func (f *Fake) bySysID(table, id string) Record {
	for _, r := range f.tables[table] {
		if r["sys_id"] == id {
			return r
		}
	}
	return nil
}

func (f *Fake) userID(name string) string {
	for _, r := range f.tables["sys_user"] {
		if r["user_name"] == name {
			return r["sys_id"]
		}
	}
	return ""
}

// open makes an incident.
func (f *Fake) open(values Record, by string) Record {
	f.numbers++ // never given again
	r := Record{"state": New, "impact": "3", "urgency": "3", "number": fmt.Sprintf("INC%07d", 10000+f.numbers)}
	f.insert("incident", r, by)
	f.apply(r, values, by)
	return r
}

// apply carries values out as the instance's business rules do: priorities from impact and
// urgency, who resolved it and when, and journals.
func (f *Fake) apply(r, values Record, by string) {
	was := r["state"]
	for column, value := range values {
		switch column {
		case "work_notes", "comments":
			f.insert("sys_journal_field", Record{"name": "incident", "element": column, "element_id": r["sys_id"], "value": value}, by)
		case "number", "sys_id", "sys_created_by", "sys_created_on", "sys_updated_on", "priority", "resolved_at", "resolved_by":
		default:
			r[column] = value
		}
	}
	for column, most := range map[string]int{"short_description": 160, "description": 4000} { // longer values are cut by the database
		if runes := []rune(r[column]); len(runes) > most {
			r[column] = string(runes[:most])
		}
	}
	r["priority"] = map[string]string{"1/1": "1", "1/2": "2", "2/1": "2", "1/3": "3", "2/2": "3", "3/1": "3", "2/3": "4", "3/2": "4", "3/3": "5"}[r["impact"]+"/"+r["urgency"]]
	done := func(s string) bool { return s == Resolved || s == Closed || s == Canceled }
	switch now := r["state"]; {
	case now == Resolved && was != Resolved:
		r["resolved_at"], r["resolved_by"] = f.at(), f.userID(by)
	case done(now) && !done(was):
		r["closed_at"], r["closed_by"] = f.at(), f.userID(by)
	case !done(now) && done(was):
		r["resolved_at"], r["resolved_by"], r["closed_at"], r["closed_by"] = "", "", "", ""
	}
	f.touch(r)
}

// Incident gives an incident by its number.
func (f *Fake) Incident(number string) Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Record{}
	for column, value := range f.byNumber(number) {
		out[column] = value
	}
	for column, of := range map[string]string{"assigned_to": "sys_user", "resolved_by": "sys_user", "assignment_group": "sys_user_group"} {
		if x := f.bySysID(of, out[column]); x != nil {
			out[column] = x["user_name"] + x["name"]
		}
	}
	return out
}

// Journal gives the entries of a journal field, the oldest first.
func (f *Fake) Journal(number, element string) []Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.byNumber(number)["sys_id"]
	var out []Record
	for _, r := range f.tables["sys_journal_field"] {
		if r["element_id"] == id && r["element"] == element {
			out = append(out, r)
		}
	}
	return out
}

// Files are the names of an incident's attachments.
func (f *Fake) Files(number string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.byNumber(number)["sys_id"]
	var out []string
	for _, r := range f.tables["sys_attachment"] {
		if r["table_sys_id"] == id {
			out = append(out, r["file_name"])
		}
	}
	return out
}

// Made are the numbers of all incidents that were created over the API, deleted ones and
// duplicates too.
func (f *Fake) Made() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]string, 0, len(f.made))
	for _, r := range f.made {
		out = append(out, r["number"])
	}
	return out
}

// Writes counts the writing calls that were carried out.
func (f *Fake) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Edit lets a person change an incident, in the columns' actual values.
func (f *Fake) Edit(number string, values Record, by string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.byNumber(number)
	if values["state"] == Resolved {
		values["close_code"], values["close_notes"] = "Solution provided", "fixed"
	}
	if name, ok := values["assigned_to"]; ok {
		values["assigned_to"] = f.userID(name)
	}
	f.apply(r, values, by)
}

// Delete deletes an incident for good.
func (f *Fake) Delete(number string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tables["incident"] = slices.DeleteFunc(f.tables["incident"], func(r Record) bool { return r["number"] == number })
}

// Copy copies an incident as the button does, with every column that an administrator may
// have added to those which are copied.
func (f *Fake) Copy(number, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, values := f.byNumber(number), Record{}
	for _, column := range []string{"short_description", "description", "impact", "urgency", "assignment_group", "due_date", "correlation_id", "correlation_display"} {
		values[column] = old[column]
	}
	return f.open(values, by)["number"]
}

// Open makes an incident that has nothing to do with us.
func (f *Fake) Open(title, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open(Record{"short_description": title}, by)["number"]
}

// Hide has an ACL hide an incident by its number, or a whole table by its name; with "!" in
// front it shows it again.
func (f *Fake) Hide(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what, off := strings.CutPrefix(what, "!")
	if strings.HasPrefix(what, "INC") {
		what = f.byNumber(what)["sys_id"]
	}
	f.hidden[what] = !off
}

// Handler serves the API.
func (f *Fake) Handler() http.Handler { return f.Faults.Over(f.routes()) }
