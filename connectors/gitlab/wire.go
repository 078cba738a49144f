package gitlab

import "github.com/quellsec/quell/connectors/wire"

// text is what GitLab writes as a text.
type text = wire.Text

// scan is the "scan" of a report.
type scan struct {
	Type     text      `json:"type"`
	Status   text      `json:"status"`
	Started  wire.Time `json:"start_time"`
	Ended    wire.Time `json:"end_time"`
	Scanner  scanner   `json:"scanner"`
	Analyzer scanner   `json:"analyzer"`
}

type scanner struct {
	ID      text `json:"id"`
	Name    text `json:"name"`
	Version text `json:"version"`
}

// vulnerability is one of a report, of schema 14 or 15.
type vulnerability struct {
	Category    text         `json:"category"` // until 14
	Name        text         `json:"name"`
	Message     text         `json:"message"`
	Description text         `json:"description"`
	Severity    text         `json:"severity"`
	Solution    text         `json:"solution"`
	Scanner     scanner      `json:"scanner"` // until 14
	Location    location     `json:"location"`
	Identifiers []identifier `json:"identifiers"`
	Links       []link       `json:"links"`
	Discovered  wire.Time    `json:"discovered_at"`
	Vectors     []vector     `json:"cvss_vectors"`
	Evidence    struct {
		Summary text `json:"summary"`
		Request struct {
			URL text `json:"url"`
		} `json:"request"`
	} `json:"evidence"`
	Extract text `json:"raw_source_code_extract"`
}

// identifier is one of a report (type, value) or of the hook (external_type, external_id).
type identifier struct {
	Type         text `json:"type"`
	Value        text `json:"value"`
	Name         text `json:"name"`
	URL          text `json:"url"`
	ExternalType text `json:"external_type"`
	ExternalID   text `json:"external_id"`
}

type link struct {
	URL text `json:"url"`
}

type vector struct {
	Vendor text `json:"vendor"`
	Vector text `json:"vector"`
}

// location is that of every kind of report; which fields it has depends on the kind.
type location struct {
	File       text `json:"file"`
	StartLine  text `json:"start_line"`
	Class      text `json:"class"`
	Method     text `json:"method"`
	Image      text `json:"image"`
	System     text `json:"operating_system"`
	Hostname   text `json:"hostname"`
	Path       text `json:"path"`
	Param      text `json:"param"`
	Dependency struct {
		Package struct {
			Name text `json:"name"`
		} `json:"package"`
		Version text `json:"version"`
	} `json:"dependency"`
	Kubernetes struct {
		Namespace text `json:"namespace"`
		Kind      text `json:"kind"`
		Name      text `json:"name"`
	} `json:"kubernetes_resource"`
}

// hook is the object_attributes of the webhook, with what the API adds.
type hook struct {
	description, solution text
	links                 []link

	URL            text         `json:"url"`
	Title          text         `json:"title"`
	State          text         `json:"state"`
	ProjectID      text         `json:"project_id"`
	Location       location     `json:"location"`
	CVSS           []vector     `json:"cvss"`
	Severity       text         `json:"severity"`
	Identifiers    []identifier `json:"identifiers"`
	Issues         []link       `json:"issues"`
	ReportType     text         `json:"report_type"`
	CreatedAt      wire.Time    `json:"created_at"`
	UpdatedAt      wire.Time    `json:"updated_at"`
	ResolvedAt     wire.Time    `json:"resolved_at"`
	DismissedAt    wire.Time    `json:"dismissed_at"`
	DismissedByID  text         `json:"dismissed_by_id"`
	ResolvedByID   text         `json:"resolved_by_id"`
	DefaultBranch  wire.Flag    `json:"resolved_on_default_branch"`
	DismissComment text         `json:"dismissal_comment"`
	DismissReason  text         `json:"dismissal_reason"`
}

// node is a vulnerability of the GraphQL API.
type node struct {
	ID            text      `json:"id"` // "gid://gitlab/Vulnerability/17"
	Title         text      `json:"title"`
	Description   text      `json:"description"`
	Solution      text      `json:"solution"`
	State         text      `json:"state"`
	Severity      text      `json:"severity"`
	ReportType    text      `json:"reportType"`
	DetectedAt    wire.Time `json:"detectedAt"`
	ResolvedAt    wire.Time `json:"resolvedAt"`
	DismissedAt   wire.Time `json:"dismissedAt"`
	UpdatedAt     wire.Time `json:"updatedAt"`
	DefaultBranch wire.Flag `json:"resolvedOnDefaultBranch"`
	Reason        text      `json:"dismissalReason"`
	WebURL        text      `json:"webUrl"`
	CVSS          []vector  `json:"cvss"`
	Links         []link    `json:"links"`
	Scanner       struct {
		Name text `json:"name"`
	} `json:"scanner"`
	Identifiers []struct {
		Type text `json:"externalType"`
		ID   text `json:"externalId"`
		Name text `json:"name"`
		URL  text `json:"url"`
	} `json:"identifiers"`
	Project struct {
		ID     text `json:"id"`
		WebURL text `json:"webUrl"`
	} `json:"project"`
	Location struct {
		location
		StartLine text `json:"startLine"`
		System    text `json:"operatingSystem"`
		Method    text `json:"requestMethod"`
	} `json:"location"`
}

// quality is one issue of a Code Quality file, as trivy's template writes it.
type quality struct {
	CheckName   text       `json:"check_name"`
	Categories  wire.Texts `json:"categories"`
	Description text       `json:"description"`
	Content     content    `json:"content"`
	Fingerprint text       `json:"fingerprint"`
	Severity    text       `json:"severity"`
	Location    struct {
		Path text `json:"path"`
	} `json:"location"`
}

// content is a text, or an object with a body.
type content struct{ text }

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(b []byte) error {
	var o struct {
		Body text `json:"body"`
	}
	if len(b) > 0 && b[0] == '{' && wire.Unmarshal(b, &o) {
		c.text = o.Body
		return nil
	}
	return c.text.UnmarshalJSON(b)
}
