package generic

import (
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// Config is the configuration of one generic source.
type Config struct {
	Zone  string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the reported hosts. Addresses, MACs and bare host names are only compared inside one zone."`
	Asset string `yaml:"asset" json:"asset,omitempty" doc:"Name of the asset to which findings belong that name none; by default the source's name."`
	Kind  string `yaml:"kind" json:"kind,omitempty" doc:"Kind of that asset: host, web_application, api, container_image, repository, cloud_resource, saas_application, domain or identity."`
}

func defaults() *Config { return &Config{Kind: string(asset.Repository)} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if kindOf(c.Kind) == "" {
		return []error{fmt.Errorf("kind: %q is no kind of asset", c.Kind)}
	}
	return nil
}

// kindOf reads a kind; empty if it is none.
func kindOf(word string) asset.Kind {
	switch k := asset.Kind(word); k {
	case asset.Host, asset.CloudResource, asset.WebApplication, asset.API, asset.ContainerImage, asset.Repository, asset.SaaSApplication, asset.Domain, asset.Identity:
		return k
	}
	return ""
}

var docs = connectors.Page{
	Needs: "Nothing: write a file, or send it to the source's webhook. The JSON Schema is connectors/generic/schema.json.",
	Maps: "JSON is `{\"run\": {…}, \"assets\": […], \"findings\": […]}`, in that order; JSON Lines is one finding a line (or one line `{\"run\": …}`, `{\"asset\": …}`); CSV has one finding a row, under a header of the same names. A finding needs a `title`. " +
		"Its `check` says which weakness it is; without one, its `vuln_id_from_tool`, its only CVE or, as a last resort, its title does. A check with a scheme of its own (`nuclei:git-config`) is taken as that check, else it becomes `generic:<check>`. " +
		"Its asset is the `id` of one of the assets, or described by `host`, `ip`, `url` or the finding's own `asset` object; its location is `location`, or made of `url`, `port`, `purl` and `file_path`. " +
		"DefectDojo's generic JSON and CSV names are understood (`mitigation`, `endpoints`, `cvssv3`, `is_mitigated` …).",
	Fixed:    "`status: fixed`, or DefectDojo's `is_mitigated: true`; or absence from a complete run that covers asset and check. `false_p`, `risk_accepted`, `duplicate` and `active: false` are the writer's opinion: the finding is kept as suppressed.",
	Coverage: "A run is complete if it says `complete: true` and names its `checks` (`[\"*\"]` for all), when it `finished`, and at least one of the `assets` it looked at. An asset may say how the look at it went: `outcome` ok, partial or unreachable, `locations` if only some were looked at. JSON Lines can say the same in lines that come first; CSV can't, and so never proves absence.",
	Limits:   "A finding with several endpoints is filed under the first: write one finding for each place. In CSV a row that doesn't fit the header is skipped and counted, an unknown column is an error. Cells that begin with = + - or @ are text like any other. At most 100,000 assets, 8 MiB a row.",
	Example: `sources:
  - name: pentest-2026
    connector: generic
    config:
      asset: customer-portal
      kind: web_application
`,
}
