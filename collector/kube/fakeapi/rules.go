package fakeapi

import (
	"net/http"
	"slices"
	"time"
)

// SetRule creates or changes a PrometheusRule: groups are as in a rule file, manager is the program that does it, at is when.
func (s *Server) SetRule(namespace, name string, labels map[string]string, groups any, manager string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	version := s.change()
	object := map[string]any{"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "spec": map[string]any{"groups": groups}}
	meta := map[string]any{"name": name, "namespace": namespace, "uid": "uid-" + namespace + "-" + name, "generation": s.version, "resourceVersion": version,
		"labels": labels, "creationTimestamp": stamp(at), "managedFields": []any{
			map[string]any{"manager": manager, "operation": "Update", "time": stamp(at), "fieldsV1": map[string]any{"f:spec": map[string]any{"f:groups": map[string]any{}}}},
			map[string]any{"manager": "operator", "operation": "Update", "time": stamp(at.Add(time.Hour)), "subresource": "status", "fieldsV1": map[string]any{"f:status": map[string]any{}}},
		}}
	object["metadata"] = meta
	if i := s.ruleIndex(namespace, name); i >= 0 {
		s.rules[i] = object
		return
	}
	s.rules = append(s.rules, object)
}

// DeleteRule removes a PrometheusRule.
func (s *Server) DeleteRule(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change()
	if i := s.ruleIndex(namespace, name); i >= 0 {
		s.rules = slices.Delete(s.rules, i, i+1)
	}
}

func (s *Server) ruleIndex(namespace, name string) int {
	return slices.IndexFunc(s.rules, func(o map[string]any) bool {
		meta := o["metadata"].(map[string]any)
		return meta["namespace"] == namespace && meta["name"] == name
	})
}

func (s *Server) serveRules(w http.ResponseWriter, r *http.Request, namespace string) {
	if !s.allow(w, r, "list", "prometheusrules") {
		return
	}
	s.mu.Lock()
	var items []any
	for _, o := range s.rules {
		meta := o["metadata"].(map[string]any)
		labels, _ := meta["labels"].(map[string]string)
		if (namespace == "" || meta["namespace"] == namespace) && selects(r.URL.Query().Get("labelSelector"), labels) {
			items = append(items, o)
		}
	}
	s.mu.Unlock()
	s.list(w, r, "PrometheusRuleList", items)
}
