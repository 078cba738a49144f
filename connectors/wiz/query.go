package wiz

// The fields of these queries are those of Wiz's reference and of what others ask for: a
// field that a tenant's schema doesn't have would fail the whole query.

const issuesQuery = `query Issues($filterBy: IssueFilters, $first: Int, $after: String) {
 issues: issuesV2(filterBy: $filterBy, first: $first, after: $after) {
  totalCount
  pageInfo { hasNextPage endCursor }
  nodes {
   id type status severity createdAt updatedAt statusChangedAt resolvedAt dueAt resolutionReason
   sourceRule {
    __typename
    ... on Control { id name controlDescription: description resolutionRecommendation securitySubCategories { title category { name framework { name } } } }
    ... on CloudEventRule { id name cloudEventRuleDescription: description sourceType type }
    ... on CloudConfigurationRule { id name cloudConfigurationRuleDescription: description remediationInstructions serviceType }
   }
   projects { id name slug businessUnit projectOwners { name } riskProfile { businessImpact } }
   entitySnapshot { id type nativeType name status cloudPlatform cloudProviderURL providerId externalId region resourceGroupExternalId subscriptionExternalId subscriptionName subscriptionTags tags createdAt }
   serviceTickets { externalId name url }
   notes { createdAt updatedAt text }
  }
 }
}`

const vulnerabilitiesQuery = `query Vulnerabilities($filterBy: VulnerabilityFindingFilters, $first: Int, $after: String) {
 vulnerabilityFindings(filterBy: $filterBy, first: $first, after: $after) {
  totalCount
  pageInfo { hasNextPage endCursor }
  nodes {
   id portalUrl name CVEDescription CVSSSeverity score exploitabilityScore impactScore severity vendorSeverity hasExploit hasCisaKevExploit epssProbability
   status resolutionReason firstDetectedAt lastDetectedAt resolvedAt description remediation detailedName version fixedVersion detectionMethod link locationPath
   projects { id name slug businessUnit riskProfile { businessImpact } }
   vulnerableAsset {
    ... on VulnerableAssetBase { id type name region providerUniqueId cloudProviderURL cloudPlatform status subscriptionName subscriptionExternalId tags hasLimitedInternetExposure hasWideInternetExposure }
    ... on VulnerableAssetVirtualMachine { operatingSystem ipAddresses }
    ... on VulnerableAssetContainerImage { imageId }
   }
  }
 }
}`
