package vex

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one source of VEX documents and CycloneDX BOMs.
type Config struct {
	Artifact string `yaml:"artifact" json:"artifact,omitempty" doc:"Name of what the BOMs of this source are of, where they name it badly."`
	FullScan bool   `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every BOM of this source lists all known vulnerabilities of all its components, without a filter, so that what is missing from it is gone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "VEX documents in CycloneDX (JSON or XML), OpenVEX or CSAF 2.0, or CycloneDX BOMs with vulnerabilities (as trivy, grype, Dependency-Track and others write them), uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps: "What a document says of a vulnerability in a product becomes a statement, with author, date, justification, impact and what to do. It overlays the findings that it speaks of, by the product's purl or digest and those of the components in it. Of CycloneDX, these are vulnerabilities with an `analysis`, or with a status for versions; of CSAF, each product in each `product_status`. " +
		"A vulnerability in a BOM without an analysis, or of a component that the BOM holds, is a finding on what the BOM is of: a container image by its digests, else the product by name. " +
		"Its check is named as the connector of the tool that wrote the BOM would name it (`trivy:vuln:<id>`, `grype:<id>` …), else `vex:<id>`; its location is the component's purl without version, with the file for packages of a language. So a BOM of trivy's gives the exposures that its JSON gives. " +
		"A BOM without vulnerabilities tells that its product exists.",
	Fixed:    "Never by a statement: it is an opinion, also where it says `fixed` or `resolved`. By absence from a later BOM of the same product, where `full_scan` allows.",
	Coverage: "A BOM doesn't show whether vulnerabilities were looked for, or filtered. So absence proves nothing unless `full_scan` says so; then a BOM with a time and a list of vulnerabilities covers its product for the checks of the tool that wrote it. Documents of statements cover nothing.",
	Limits: "Signatures of documents are not checked; who may send to the source decides whose word counts. Version ranges (`vers:`) stand in the product's text and are not compared. DSSE envelopes are not opened. Dependencies of a BOM beyond 500,000, and components beyond that, are left out. " +
		"CycloneDX has no title for a vulnerability.",
	Example: `sources:
  - name: supplier-vex
    connector: vex
`,
}
