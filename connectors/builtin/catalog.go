package builtin

import "github.com/quellsec/quell/connectors"

// Catalog is the list as the configuration asks for it.
type Catalog struct{}

// Defaults makes a new configuration value of a connector holding its defaults: a pointer
// to a struct. The second result is false where there is no such connector.
func (Catalog) Defaults(name string) (any, bool) {
	reg, err := Find(name)
	if err != nil || reg.Config == nil {
		return nil, false
	}
	return reg.Config(), true
}

// Names are the connectors that there are, sorted.
func (Catalog) Names() []string {
	list := List()
	names := make([]string, len(list))
	for i, reg := range list {
		names[i] = reg.Name
	}
	return names
}

// Find gives the connector of a name, or an error of kind NotFound that lists the names.
func (Catalog) Find(name string) (connectors.Registration, error) { return Find(name) }
