package snyk

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// text is what Snyk writes as a text.
type text = wire.Text

// resource is an element of a REST answer: an issue or a project.
type resource struct {
	ID            text            `json:"id"`
	Type          text            `json:"type"`
	Attributes    json.RawMessage `json:"attributes"`
	Relationships struct {
		ScanItem related `json:"scan_item"`
		Owner    related `json:"owner"`
	} `json:"relationships"`
}

type related struct {
	Data struct {
		ID   text `json:"id"`
		Type text `json:"type"`
	} `json:"data"`
}

// issue is the attributes of an issue of the REST API.
type issue struct {
	Key         text      `json:"key"`
	Title       text      `json:"title"`
	Description text      `json:"description"`
	Type        text      `json:"type"`
	Status      text      `json:"status"`
	Ignored     wire.Flag `json:"ignored"`
	Severity    text      `json:"effective_severity_level"`
	CreatedAt   wire.Time `json:"created_at"`
	UpdatedAt   wire.Time `json:"updated_at"`
	Resolution  struct {
		Type text      `json:"type"`
		At   wire.Time `json:"resolved_at"`
	} `json:"resolution"`
	Classes []struct {
		ID text `json:"id"`
	} `json:"classes"`
	Problems []struct {
		ID  text `json:"id"`
		URL text `json:"url"`
	} `json:"problems"`
	Severities []struct {
		Source text        `json:"source"`
		Vector text        `json:"vector"`
		Score  wire.Number `json:"score"`
	} `json:"severities"`
	Exploit struct {
		Levels []struct {
			Level text `json:"level"`
		} `json:"maturity_levels"`
	} `json:"exploit_details"`
	Coordinates []struct {
		Remedies []struct {
			Description text `json:"description"`
		} `json:"remedies"`
		Representations []struct {
			Dependency struct {
				Name    text `json:"package_name"`
				Version text `json:"package_version"`
			} `json:"dependency"`
			Source struct {
				File   text `json:"file"`
				Region struct {
					Start struct {
						Line text `json:"line"`
					} `json:"start"`
				} `json:"region"`
			} `json:"sourceLocation"`
			ResourcePath text `json:"resourcePath"`
		} `json:"representations"`
	} `json:"coordinates"`
}

// project is the attributes of a project of the REST API.
type project struct {
	Name        text       `json:"name"`
	Type        text       `json:"type"`
	Origin      text       `json:"origin"`
	TargetFile  text       `json:"target_file"`
	Reference   text       `json:"target_reference"`
	Status      text       `json:"status"`
	Criticality wire.Texts `json:"business_criticality"`
	Environment wire.Texts `json:"environment"`
	Lifecycle   wire.Texts `json:"lifecycle"`
	Tags        []tag      `json:"tags"`
	id, owner   text
}

type tag struct {
	Key   text `json:"key"`
	Value text `json:"value"`
}

// hookProject is the project of a webhook, in the words of API v1.
type hookProject struct {
	ID         text      `json:"id"`
	Name       text      `json:"name"`
	Type       text      `json:"type"`
	Origin     text      `json:"origin"`
	Branch     text      `json:"branch"`
	ImageTag   text      `json:"imageTag"`
	LastTested wire.Time `json:"lastTestedDate"`
	Tags       []tag     `json:"tags"`
	Owner      struct {
		Email    text `json:"email"`
		Username text `json:"username"`
	} `json:"owner"`
	Attributes struct {
		Criticality wire.Texts `json:"criticality"`
		Environment wire.Texts `json:"environment"`
		Lifecycle   wire.Texts `json:"lifecycle"`
	} `json:"attributes"`
}

// hookIssue is an issue of a webhook, in the words of API v1.
type hookIssue struct {
	ID          text       `json:"id"`
	Type        text       `json:"issueType"`
	PackageName text       `json:"pkgName"`
	Versions    wire.Texts `json:"pkgVersions"`
	Data        vuln       `json:"issueData"`
	Ignored     wire.Flag  `json:"isIgnored"`
	Patched     wire.Flag  `json:"isPatched"`
	FixInfo     struct {
		FixedIn wire.Texts `json:"fixedIn"`
	} `json:"fixInfo"`
}

// vuln is what the command line and webhooks say of a vulnerability or a licence.
type vuln struct {
	ID          text        `json:"id"`
	Title       text        `json:"title"`
	Description text        `json:"description"`
	Severity    text        `json:"severity"`
	PackageName text        `json:"packageName"`
	ModuleName  text        `json:"moduleName"`
	Name        text        `json:"name"`
	Version     text        `json:"version"`
	Type        text        `json:"type"`
	Manager     text        `json:"packageManager"`
	From        wire.Texts  `json:"from"`
	FixedIn     wire.Texts  `json:"fixedIn"`
	Nearest     text        `json:"nearestFixedInVersion"`
	Upgrades    wire.Texts  `json:"upgradePath"`
	Exploit     text        `json:"exploit"`
	Maturity    text        `json:"exploitMaturity"`
	CVSSv3      text        `json:"CVSSv3"`
	Score       wire.Number `json:"cvssScore"`
	EPSS        struct {
		Probability wire.Number `json:"probability"`
	} `json:"epssDetails"`
	Identifiers struct {
		CVE  wire.Texts `json:"CVE"`
		CWE  wire.Texts `json:"CWE"`
		GHSA wire.Texts `json:"GHSA"`
	} `json:"identifiers"`
	References []struct {
		URL text `json:"url"`
	} `json:"references"`
	URL      text `json:"url"`
	Filtered struct {
		Ignored []struct {
			Reason text `json:"reason"`
		} `json:"ignored"`
	} `json:"filtered"`
}

// result is what a report of the command line says of one project.
type result struct {
	name, target, path, manager, failure string
	docker                               bool
}
