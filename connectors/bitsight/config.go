package bitsight

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Bitsight source.
type Config struct {
	RemediatedFixed bool   `yaml:"remediated_is_fixed" json:"remediated_is_fixed,omitempty" doc:"Takes findings that Bitsight marks as remediated for fixed."`
	Zone            string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the addresses. What Bitsight sees is the internet, so it is empty unless yours has a name."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs:    "Pages of Bitsight's API `GET /ratings/v1/companies/GUID/findings`, saved to files.",
	Maps:     "A finding is `bitsight:<risk vector>` with its assessment, on each of its assets, a name or an address, at the port of its evidence. CVEs and scores come from its vulnerabilities; minor, moderate, material and severe are low to critical. Everything that Bitsight sees faces the internet. What it grades as good and names no vulnerability in is no finding.",
	Fixed:    "Nothing, unless `remediated_is_fixed` is set: what Bitsight takes for remediated is not documented publicly, so that is archived. A finding that decays leaves the rating without having been looked at.",
	Coverage: "None: a page is not the whole, and its filters are not known.",
	Limits:   "The API is not pulled. Bitsight attributes assets by itself, and some may not be yours. Anonymised assets that are neither name nor address are known by their text alone.",
	Example: `sources:
  - name: bitsight
    connector: bitsight
    config: {}
`,
}
