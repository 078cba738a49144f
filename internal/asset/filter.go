package asset

// Filter chooses assets. An empty field matches any.
type Filter struct {
	Kind     Kind
	Owner    string
	Scope    string
	Source   string
	Text     string   // part of the name, any case
	Unscoped bool     // only those in no scope
	Visible  []string // the scopes that the caller may see; nil = all
}
