package upwind

import "github.com/quellsec/quell/connectors/wire"

// wireDetection is a detection.
type wireDetection struct {
	ID          wire.Text     `json:"id"`
	Category    wire.Text     `json:"category"`
	Type        wire.Text     `json:"type"`
	Title       wire.Text     `json:"title"`
	Description wire.Text     `json:"description"`
	Severity    wire.Text     `json:"severity"`
	Status      wire.Text     `json:"status"`
	First       wire.Time     `json:"first_seen_time"`
	Last        wire.Time     `json:"last_seen_time"`
	Link        wire.Text     `json:"upwind_console_link"`
	Resource    *wireResource `json:"resource"`
	Attacks     wire.List[struct {
		Technique wire.Text `json:"technique_id"`
		Name      wire.Text `json:"technique_name"`
	}] `json:"mitre_attacks"`
	Triggers wire.List[struct {
		ID   wire.Text `json:"policy_id"`
		Name wire.Text `json:"policy_name"`
	}] `json:"triggers"`
}

type wireResource struct {
	AssetID     wire.Text  `json:"upwind_asset_id"`
	Name        wire.Text  `json:"name"`
	Type        wire.Text  `json:"type"`
	Namespace   wire.Text  `json:"namespace"`
	Cluster     wire.Text  `json:"cluster_id"`
	Region      wire.Text  `json:"region"`
	Account     wire.Text  `json:"cloud_account_id"`
	AccountName wire.Text  `json:"cloud_account_name"`
	Provider    wire.Text  `json:"cloud_provider"`
	ExternalID  wire.Text  `json:"external_id"`
	Risks       wire.Texts `json:"risk_categories"`
	Exposure    struct {
		Ingress struct {
			Active wire.Flag `json:"active_communication"`
		} `json:"ingress"`
	} `json:"internet_exposure"`
}
