package prowler

import "github.com/quellsec/quell/connectors/wire"

// old is a finding in the JSON of version 3, and what a row of the CSV is read into.
type old struct {
	Time        wire.Time       `json:"AssessmentStartTime"`
	UID         wire.Text       `json:"FindingUniqueId"`
	Provider    wire.Text       `json:"Provider"`
	CheckID     wire.Text       `json:"CheckID"`
	CheckTitle  wire.Text       `json:"CheckTitle"`
	CheckTypes  wire.Texts      `json:"CheckType"`
	Result      wire.Text       `json:"Status"`
	Extended    wire.Text       `json:"StatusExtended"`
	Muted       wire.Flag       `json:"Muted"`
	Level       wire.Text       `json:"Severity"`
	Kind        wire.Text       `json:"ResourceType"`
	ResourceID  wire.Text       `json:"ResourceId"`
	ResourceARN wire.Text       `json:"ResourceArn"`
	Tags        wire.Text       `json:"ResourceTags"` // "a=b | c=d", or an object
	TagMap      map[string]any  `json:"-"`
	Text        wire.Text       `json:"Description"`
	Danger      wire.Text       `json:"Risk"`
	Related     wire.Text       `json:"RelatedUrl"`
	Remedy      oldRemedy       `json:"Remediation"`
	AccountID   wire.Text       `json:"AccountId"`
	Subscribed  wire.Text       `json:"Subscription"` // of Azure
	Project     wire.Text       `json:"ProjectId"`    // of Google
	Region      wire.Text       `json:"Region"`
	Location    wire.Text       `json:"Location"`
	Org         oldOrganization `json:"OrganizationsInfo"`
	AccountName wire.Text       `json:"-"`
	Version     wire.Text       `json:"-"`
}

type oldRemedy struct {
	Advice struct {
		Text wire.Text `json:"Text"`
		URL  wire.Text `json:"Url"`
	} `json:"Recommendation"`
}

type oldOrganization struct {
	Name  wire.Text `json:"account_details_name"`
	Email wire.Text `json:"account_details_email"`
}
