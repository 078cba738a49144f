package kubernetes

import "github.com/quellsec/quell/connectors/wire"

// Limits of what is held at once.
const (
	largestObject = 4 << 20
	shortText     = 1 << 10
)

// object is one of the API's, of any kind that is read: only what is used of it, and
// nothing that holds what containers are told.
type object struct {
	Kind     wire.Text `json:"kind"`
	Metadata struct {
		Name        wire.Text            `json:"name"`
		Namespace   wire.Text            `json:"namespace"`
		UID         wire.Text            `json:"uid"`
		Created     wire.Time            `json:"creationTimestamp"`
		Labels      map[string]wire.Text `json:"labels"`
		Annotations map[string]wire.Text `json:"annotations"`
		Owners      wire.List[struct {
			Kind       wire.Text `json:"kind"`
			Name       wire.Text `json:"name"`
			Controller wire.Flag `json:"controller"`
		}] `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		// of nodes
		ProviderID wire.Text `json:"providerID"`
		// of pods
		NodeName   wire.Text            `json:"nodeName"`
		Containers wire.List[container] `json:"containers"`
		// of services
		Type      wire.Text `json:"type"`
		ClusterIP wire.Text `json:"clusterIP"`
		Ports     wire.List[struct {
			Name     wire.Text   `json:"name"`
			Port     wire.Number `json:"port"`
			Protocol wire.Text   `json:"protocol"`
		}] `json:"ports"`
		// of workloads
		Template *struct {
			Spec struct {
				Containers wire.List[container] `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
		// of ingresses
		Class wire.Text `json:"ingressClassName"`
		TLS   wire.List[struct {
			Hosts wire.Texts `json:"hosts"`
		}] `json:"tls"`
		Default *backend `json:"defaultBackend"`
		Rules   wire.List[struct {
			Host wire.Text `json:"host"`
			HTTP struct {
				Paths wire.List[struct {
					Path    wire.Text `json:"path"`
					Backend backend   `json:"backend"`
				}] `json:"paths"`
			} `json:"http"`
		}] `json:"rules"`
	} `json:"spec"`
	Status struct {
		Phase     wire.Text `json:"phase"`
		Addresses wire.List[struct {
			Type    wire.Text `json:"type"`
			Address wire.Text `json:"address"`
		}] `json:"addresses"`
		NodeInfo *struct {
			SystemUUID wire.Text `json:"systemUUID"`
			OSImage    wire.Text `json:"osImage"`
			Kernel     wire.Text `json:"kernelVersion"`
			Runtime    wire.Text `json:"containerRuntimeVersion"`
			Kubelet    wire.Text `json:"kubeletVersion"`
			Arch       wire.Text `json:"architecture"`
		} `json:"nodeInfo"`
		LoadBalancer struct {
			Ingress wire.List[struct {
				IP       wire.Text `json:"ip"`
				Hostname wire.Text `json:"hostname"`
			}] `json:"ingress"`
		} `json:"loadBalancer"`
		Containers     wire.List[container] `json:"containerStatuses"`
		InitContainers wire.List[container] `json:"initContainerStatuses"`
	} `json:"status"`
}

// container is a container as it is asked for, or as it runs.
type container struct {
	Image   wire.Text `json:"image"`
	ImageID wire.Text `json:"imageID"`
}

// backend is the service that an ingress leads to.
type backend struct {
	Service struct {
		Name wire.Text `json:"name"`
	} `json:"service"`
}

// shape says what an object is that doesn't name its kind, by fields that only that has.
func (o *object) shape() string {
	switch {
	case o.Status.NodeInfo != nil:
		return "Node"
	case len(o.Spec.Containers) > 0:
		return "Pod"
	case len(o.Spec.Rules) > 0 || o.Spec.Default != nil:
		return "Ingress"
	case o.Spec.ClusterIP != "":
		return "Service"
	}
	return ""
}
