package asset

import "time"

// Filter chooses assets. An empty field matches any.
type Filter struct {
	Kind     Kind
	Owner    string
	Scope    string
	Source   string
	Text     string   // part of the name, any case
	Unscoped bool     // only those in no scope
	Unowned  bool     // only those without an owner
	Visible  []string // the scopes that the caller may see; nil = all

	UnownedBefore time.Time // only those without an owner since before
}
