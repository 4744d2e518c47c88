package kube

import (
	"context"
	"encoding/json"
	"path"
	"time"
)

// AllNamespaces stands for every namespace of a cluster.
const AllNamespaces = "*"

// PrometheusRule is a resource of monitoring.coreos.com/v1: the Prometheus Operator makes rule files of its groups.
type PrometheusRule struct {
	UID, Namespace, Name string
	Generation           int64 // grows with each change of the groups
	Labels, Annotations  map[string]string
	Manager              string          // the program that wrote the groups last, as it calls itself: argocd-controller, helm, kubectl-edit
	Written              time.Time       // when it did; the zero time if that is not known
	Spec                 json.RawMessage // {"groups": [...]}: as in a rule file
}

type ruleJSON struct {
	Metadata struct {
		UID         string            `json:"uid"`
		Namespace   string            `json:"namespace"`
		Name        string            `json:"name"`
		Generation  int64             `json:"generation"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Created     time.Time         `json:"creationTimestamp"`
		Fields      []fieldsJSON      `json:"managedFields"`
	} `json:"metadata"`
	Spec json.RawMessage `json:"spec"`
}

// fieldsJSON is an entry of managedFields: which program wrote which fields when.
type fieldsJSON struct {
	Manager     string                     `json:"manager"`
	Time        time.Time                  `json:"time"`
	Subresource string                     `json:"subresource"`
	Fields      map[string]json.RawMessage `json:"fieldsV1"`
}

func (r *ruleJSON) rule() PrometheusRule {
	out := PrometheusRule{UID: r.Metadata.UID, Namespace: r.Metadata.Namespace, Name: r.Metadata.Name, Generation: r.Metadata.Generation,
		Labels: r.Metadata.Labels, Annotations: r.Metadata.Annotations, Written: r.Metadata.Created, Spec: r.Spec}
	for _, f := range r.Metadata.Fields {
		_, spec := f.Fields["f:spec"]
		if spec && f.Subresource == "" && (out.Manager == "" || f.Time.After(out.Written)) {
			out.Manager, out.Written = f.Manager, f.Time
		}
	}
	return out
}

// PrometheusRules lists the PrometheusRule resources of a namespace, or of AllNamespaces, that a label selector matches.
func (c *Client) PrometheusRules(ctx context.Context, namespace, selector string) ([]PrometheusRule, error) {
	var rules []PrometheusRule
	r := request{verb: "list", resource: "prometheusrules", group: "monitoring.coreos.com", where: "in namespace " + namespace,
		path: path.Join("apis/monitoring.coreos.com/v1/namespaces", namespace, "prometheusrules")}
	if namespace == AllNamespaces {
		r.where, r.path = "in all namespaces", "apis/monitoring.coreos.com/v1/prometheusrules"
	}
	_, err := list(ctx, c, r, selector, func(j *ruleJSON) { rules = append(rules, j.rule()) }, func() { rules = nil })
	return rules, err
}
