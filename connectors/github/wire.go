package github

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// text is what GitHub writes as a text.
type text = wire.Text

// alert is an alert of any kind, as the REST API and webhooks write it; which kind it is
// shows by the fields that it has.
type alert struct {
	ID               text        `json:"id"`
	Number           text        `json:"number"`
	State            text        `json:"state"`
	URL              text        `json:"url"`
	HTMLURL          text        `json:"html_url"`
	CreatedAt        wire.Time   `json:"created_at"`
	UpdatedAt        wire.Time   `json:"updated_at"`
	FixedAt          wire.Time   `json:"fixed_at"`
	DismissedAt      wire.Time   `json:"dismissed_at"`
	DismissedBy      user        `json:"dismissed_by"`
	DismissedReason  text        `json:"dismissed_reason"`
	DismissedComment text        `json:"dismissed_comment"`
	Assignees        []user      `json:"assignees"`
	Repository       *repository `json:"repository"`
	Dependency       *dependency `json:"dependency"`
	Advisory         *advisory   `json:"security_advisory"`
	Vulnerability    vulnerable  `json:"security_vulnerability"`
	Rule             *rule       `json:"rule"`
	Tool             tool        `json:"tool"`
	MostRecent       *instance   `json:"most_recent_instance"`
	Instances        []instance  `json:"instances"`
	SecretType       text        `json:"secret_type"`
	SecretTypeName   text        `json:"secret_type_display_name"`
	Secret           text        `json:"secret"`
	Resolution       text        `json:"resolution"`
	ResolvedAt       wire.Time   `json:"resolved_at"`
	ResolvedBy       user        `json:"resolved_by"`
	ResolvedComment  text        `json:"resolution_comment"`
	Validity         text        `json:"validity"`
	FirstLocation    secretPlace `json:"first_location_detected"`
	LegacyPackage    text        `json:"affected_package_name"`
	LegacyRange      text        `json:"affected_range"`
	LegacyFixedIn    text        `json:"fixed_in"`
	LegacyID         text        `json:"external_identifier"`
	LegacyReference  text        `json:"external_reference"`
	LegacyGHSA       text        `json:"ghsa_id"`
	LegacySeverity   text        `json:"severity"`
	LegacyReason     text        `json:"dismiss_reason"`
	LegacyDismisser  user        `json:"dismisser"`
	raw              []byte      // as it stands in the body
}

type user struct {
	Login text `json:"login"`
}

type dependency struct {
	Package      pkg  `json:"package"`
	ManifestPath text `json:"manifest_path"`
	Scope        text `json:"scope"`
	Relationship text `json:"relationship"`
}

type pkg struct {
	Ecosystem text `json:"ecosystem"`
	Name      text `json:"name"`
}

type advisory struct {
	GHSA        text  `json:"ghsa_id"`
	CVE         text  `json:"cve_id"`
	Summary     text  `json:"summary"`
	Description text  `json:"description"`
	Severity    text  `json:"severity"`
	CVSS        score `json:"cvss"`
	CVSSs       struct {
		V3 score `json:"cvss_v3"`
		V4 score `json:"cvss_v4"`
	} `json:"cvss_severities"`
	CWEs []struct {
		ID text `json:"cwe_id"`
	} `json:"cwes"`
	EPSS wire.List[struct {
		Percentage wire.Number `json:"percentage"`
	}] `json:"epss"`
	Identifiers []identifier `json:"identifiers"`
	References  []reference  `json:"references"`
}

type score struct {
	Vector text        `json:"vector_string"`
	Score  wire.Number `json:"score"`
}

type identifier struct {
	Type  text `json:"type"`
	Value text `json:"value"`
}

type reference struct {
	URL text `json:"url"`
}

type vulnerable struct {
	Package  pkg  `json:"package"`
	Severity text `json:"severity"`
	Range    text `json:"vulnerable_version_range"`
	Patched  struct {
		Identifier text `json:"identifier"`
	} `json:"first_patched_version"`
}

type rule struct {
	ID               text       `json:"id"`
	Name             text       `json:"name"`
	Severity         text       `json:"severity"`
	SecuritySeverity text       `json:"security_severity_level"`
	Description      text       `json:"description"`
	FullDescription  text       `json:"full_description"`
	Help             text       `json:"help"`
	HelpURI          text       `json:"help_uri"`
	Tags             wire.Texts `json:"tags"`
}

type tool struct {
	Name    text `json:"name"`
	Version text `json:"version"`
}

// instance is a code scanning alert on one branch.
type instance struct {
	Ref     text `json:"ref"`
	State   text `json:"state"`
	Message struct {
		Text text `json:"text"`
	} `json:"message"`
	Location struct {
		Path      text `json:"path"`
		StartLine text `json:"start_line"`
	} `json:"location"`
}

// secretPlace is where a secret is: in an alert directly, in an event under details.
type secretPlace struct {
	Path    text `json:"path"`
	Details struct {
		Path text `json:"path"`
	} `json:"details"`
}

// repository is one of the REST API and of webhooks.
type repository struct {
	ID            text                  `json:"id"`
	FullName      text                  `json:"full_name"`
	HTMLURL       text                  `json:"html_url"`
	Visibility    text                  `json:"visibility"`
	Private       *wire.Flag            `json:"private"`
	Archived      wire.Flag             `json:"archived"`
	DefaultBranch text                  `json:"default_branch"`
	Topics        wire.Texts            `json:"topics"`
	Owner         user                  `json:"owner"`
	Properties    map[string]wire.Texts `json:"custom_properties"`
}

// node is a repository of the GraphQL API, with its Dependabot alerts.
type node struct {
	DatabaseID    text `json:"databaseId"`
	Name          text `json:"name"`
	NameWithOwner text `json:"nameWithOwner"`
	URL           text `json:"url"`
	Visibility    text `json:"visibility"`
	Owner         user `json:"owner"`
	Alerts        *struct {
		Nodes []json.RawMessage `json:"nodes"`
		Edges []struct {
			Node json.RawMessage `json:"node"`
		} `json:"edges"`
	} `json:"vulnerabilityAlerts"`
}

// alertNode is a Dependabot alert of the GraphQL API.
type alertNode struct {
	ID             text       `json:"id"`
	Number         text       `json:"number"`
	State          text       `json:"state"`
	CreatedAt      wire.Time  `json:"createdAt"`
	FixedAt        wire.Time  `json:"fixedAt"`
	DismissedAt    wire.Time  `json:"dismissedAt"`
	AutoDismissed  wire.Time  `json:"autoDismissedAt"`
	DismissReason  text       `json:"dismissReason"`
	DismissComment text       `json:"dismissComment"`
	Dismisser      user       `json:"dismisser"`
	ManifestPath   text       `json:"vulnerableManifestPath"`
	Scope          text       `json:"dependencyScope"`
	Advisory       adviceNode `json:"securityAdvisory"`
	Vulnerability  struct {
		Package  pkg        `json:"package"`
		Severity text       `json:"severity"`
		Range    text       `json:"vulnerableVersionRange"`
		Advisory adviceNode `json:"advisory"`
		Patched  struct {
			Identifier text `json:"identifier"`
		} `json:"firstPatchedVersion"`
	} `json:"securityVulnerability"`
}

type adviceNode struct {
	GHSA        text `json:"ghsaId"`
	Summary     text `json:"summary"`
	Description text `json:"description"`
	Severity    text `json:"severity"`
	CVSS        struct {
		Vector text        `json:"vectorString"`
		Score  wire.Number `json:"score"`
	} `json:"cvss"`
	CWEs struct {
		Nodes []struct {
			ID text `json:"cweId"`
		} `json:"nodes"`
	} `json:"cwes"`
	EPSS struct {
		Percentage wire.Number `json:"percentage"`
	} `json:"epss"`
	Identifiers []identifier `json:"identifiers"`
	References  []reference  `json:"references"`
}

// event is what a webhook says beside alert and repository.
type event struct {
	action, ref, commit string
	place               secretPlace
}
