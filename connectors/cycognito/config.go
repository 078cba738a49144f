package cycognito

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one CyCognito source.
type Config struct {
	ResolvedFixed bool   `yaml:"resolved_is_fixed" json:"resolved_is_fixed,omitempty" doc:"Takes every issue with a time of resolution for fixed. Without it, only those whose status says that they were removed, too."`
	Zone          string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the addresses. What CyCognito sees is the internet, so it is empty unless yours has a name."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "Issues saved from CyCognito's API or its export, as a JSON list.",
	Maps: "An issue is `cycognito:<issue id>` on its affected asset (`ip/…`, `domain/…`, `webapp/…`, `cert/…`, `iprange/…`), at its port. Business units, technical owners and teams are clues to the owner; organizations, environments and compliance violations are tags. Everything that CyCognito sees faces the internet. " +
		"Evidence is kept without credentials.",
	Fixed:    "An issue with a time of resolution whose status is `removed`: it was resolved, and is no longer found. One with the time alone is archived, unless `resolved_is_fixed` is set, and so is one that was removed without it, as that happens when the asset is no longer attributed. Snoozed issues are suppressed.",
	Coverage: "None: a list proves no absence.",
	Limits:   "What the words of the status mean is not documented publicly. The API is not pulled.",
	Example: `sources:
  - name: cycognito
    connector: cycognito
    config: {}
`,
}
