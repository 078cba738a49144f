package grype

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one grype source.
type Config struct {
	Artifact string `yaml:"artifact" json:"artifact,omitempty" doc:"Name of what is scanned, for reports that name it badly: the path . of a build, or an image without a digest."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A report written by `grype IMAGE --output json --file report.json` (or of a directory, or an SBOM), uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps: "Each match is a finding `grype:<id>` on a package: its location is the package's purl without version, with the file it was found in for packages of a language, in the form that trivy's findings have. So one CVE in one package of one image is one exposure, whichever of the two reports it. " +
		"Where grype names an advisory (GHSA, ALAS …), the CVEs related to it are the weakness. Known exploitation, EPSS, CVSS of every source, advisories and fixed versions are kept; grype's own risk score too, as its field. " +
		"Ignored matches are kept as suppressed, or as not affected where a VEX document says so, with the rule that applied. The state of a fix (`wont-fix`) says nothing about this artifact. An image is known by its digests, a directory by its name within the source.",
	Fixed: "By absence from a later report of the same artifact that is complete.",
	Coverage: "A report holds grype's whole configuration, and lists what its rules ignored. So it proves itself: it is complete if it has a time and a configuration, leaves out no paths, has a vulnerability database without errors, and has matches or names the system of the image. " +
		"An image without either could not be taken apart, which looks the same as one that is clean. Reports of versions before 0.24 have no configuration and prove nothing.",
	Limits: "A new build of an image is a new asset. The digest that grype computes of an image from the Docker daemon is not the registry's, and is only used where there is no other.",
	Example: `sources:
  - name: grype-registry
    connector: grype
`,
}
