package wiz

import "github.com/quellsec/quell/connectors/wire"

// wireNode is an issue, a vulnerability finding or a configuration finding: which one is
// told by what it has.
type wireNode struct {
	ID       wire.Text              `json:"id"`
	Status   wire.Text              `json:"status"`
	Severity wire.Text              `json:"severity"`
	Type     wire.Text              `json:"type"`
	Created  wire.Time              `json:"createdAt"`
	Updated  wire.Time              `json:"updatedAt"`
	Changed  wire.Time              `json:"statusChangedAt"`
	Resolved wire.Time              `json:"resolvedAt"`
	Reason   wire.Text              `json:"resolutionReason"`
	Rule     *wireRule              `json:"sourceRule"`
	Control  *wireRule              `json:"control"`
	Entity   *wireEntity            `json:"entitySnapshot"`
	Projects wire.List[wireProject] `json:"projects"`
	Project  *wireProject           `json:"project"`
	Notes    wire.List[wireNote]    `json:"notes"`
	Tickets  wire.List[wireTicket]  `json:"serviceTickets"`

	// Of vulnerability findings.
	Name         wire.Text   `json:"name"`
	Portal       wire.Text   `json:"portalUrl"`
	CVEText      wire.Text   `json:"CVEDescription"`
	CVSSSeverity wire.Text   `json:"CVSSSeverity"`
	Vendor       wire.Text   `json:"vendorSeverity"`
	Score        wire.Number `json:"score"`
	HasExploit   wire.Flag   `json:"hasExploit"`
	HasKEV       wire.Flag   `json:"hasCisaKevExploit"`
	EPSS         wire.Number `json:"epssProbability"`
	FirstFound   wire.Time   `json:"firstDetectedAt"`
	LastFound    wire.Time   `json:"lastDetectedAt"`
	Description  wire.Text   `json:"description"`
	Remediation  wire.Text   `json:"remediation"`
	Detailed     wire.Text   `json:"detailedName"`
	Version      wire.Text   `json:"version"`
	Fixed        wire.Text   `json:"fixedVersion"`
	Method       wire.Text   `json:"detectionMethod"`
	Link         wire.Text   `json:"link"`
	Path         wire.Text   `json:"locationPath"`
	Asset        *wireAsset  `json:"vulnerableAsset"`

	// Of configuration findings.
	Result     wire.Text     `json:"result"`
	FirstSeen  wire.Time     `json:"firstSeenAt"`
	ConfigRule *wireRule     `json:"rule"`
	Target     *wireResource `json:"resource"`
}

// wireRule is a control or rule, whose texts have a name for each kind.
type wireRule struct {
	ID         wire.Text `json:"id"`
	Name       wire.Text `json:"name"`
	Control    wire.Text `json:"controlDescription"`
	Event      wire.Text `json:"cloudEventRuleDescription"`
	Config     wire.Text `json:"cloudConfigurationRuleDescription"`
	Plain      wire.Text `json:"description"`
	Resolution wire.Text `json:"resolutionRecommendation"`
	Remedy     wire.Text `json:"remediationInstructions"`
	Categories wire.List[struct {
		Title wire.Text `json:"title"`
	}] `json:"securitySubCategories"`
}

type wireEntity struct {
	ID           wire.Text      `json:"id"`
	Type         wire.Text      `json:"type"`
	Native       wire.Text      `json:"nativeType"`
	Name         wire.Text      `json:"name"`
	ProviderID   wire.Text      `json:"providerId"`
	ExternalID   wire.Text      `json:"externalId"`
	Platform     wire.Text      `json:"cloudPlatform"`
	Region       wire.Text      `json:"region"`
	Subscription wire.Text      `json:"subscriptionExternalId"`
	SubName      wire.Text      `json:"subscriptionName"`
	SubTags      map[string]any `json:"subscriptionTags"`
	Tags         map[string]any `json:"tags"`
}

type wireAsset struct {
	ID           wire.Text      `json:"id"`
	Type         wire.Text      `json:"type"`
	Name         wire.Text      `json:"name"`
	ProviderID   wire.Text      `json:"providerUniqueId"`
	Platform     wire.Text      `json:"cloudPlatform"`
	Region       wire.Text      `json:"region"`
	Subscription wire.Text      `json:"subscriptionExternalId"`
	SubName      wire.Text      `json:"subscriptionName"`
	Tags         map[string]any `json:"tags"`
	OS           wire.Text      `json:"operatingSystem"`
	IPs          wire.Texts     `json:"ipAddresses"`
	ImageID      wire.Text      `json:"imageId"`
	Wide         wire.Flag      `json:"hasWideInternetExposure"`
	Limited      wire.Flag      `json:"hasLimitedInternetExposure"`
}

type wireResource struct {
	ID           wire.Text              `json:"id"`
	Type         wire.Text              `json:"type"`
	Name         wire.Text              `json:"name"`
	ProviderID   wire.Text              `json:"providerId"`
	Region       wire.Text              `json:"region"`
	Projects     wire.List[wireProject] `json:"projects"`
	Subscription struct {
		Name     wire.Text `json:"name"`
		External wire.Text `json:"externalId"`
		Provider wire.Text `json:"cloudProvider"`
	} `json:"subscription"`
	Tags wire.List[struct {
		Key   wire.Text `json:"key"`
		Value wire.Text `json:"value"`
	}] `json:"tags"`
}

type wireProject struct {
	Name     wire.Text             `json:"name"`
	Slug     wire.Text             `json:"slug"`
	Business wire.Text             `json:"businessUnit"`
	Owners   wire.List[wirePerson] `json:"projectOwners"`
	Risk     struct {
		Impact wire.Text `json:"businessImpact"`
	} `json:"riskProfile"`
}

type wirePerson struct {
	Name  wire.Text `json:"name"`
	Email wire.Text `json:"email"`
}

type wireNote struct {
	Text wire.Text `json:"text"`
}

type wireTicket struct {
	URL wire.Text `json:"url"`
}

// wireHook is the default body of a webhook.
type wireHook struct {
	Issue *struct {
		ID       wire.Text `json:"id"`
		Status   wire.Text `json:"status"`
		Severity wire.Text `json:"severity"`
		Created  wire.Time `json:"created"`
		Projects wire.Text `json:"projects"`
	} `json:"issue"`
	Control  *wireRule `json:"control"`
	Resource *struct {
		ID           wire.Text `json:"id"`
		Name         wire.Text `json:"name"`
		Type         wire.Text `json:"type"`
		Platform     wire.Text `json:"cloudPlatform"`
		Subscription wire.Text `json:"subscriptionId"`
		SubName      wire.Text `json:"subscriptionName"`
		Region       wire.Text `json:"region"`
	} `json:"resource"`
}
