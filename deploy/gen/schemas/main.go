// Command schemas cuts JSON schemas for kubeconform out of what Kubernetes and the Prometheus Operator publish, for the kinds
// that the chart uses: each stands alone, knows no field beyond its own, and has no descriptions. Run it when a kind is added:
//
//	go run ./deploy/gen/schemas FOLDER SWAGGER.json CRD.yaml...
//
// SWAGGER.json is api/openapi-spec/swagger.json of k8s.io/kubernetes, a CRD a file of prometheus-operator's example/prometheus-operator-crd.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// kinds are the definitions of the built-in kinds, by the file name that kubeconform looks for.
func kinds() map[string]string {
	return map[string]string{
		"clusterrole-rbac-v1":         "io.k8s.api.rbac.v1.ClusterRole",
		"clusterrolebinding-rbac-v1":  "io.k8s.api.rbac.v1.ClusterRoleBinding",
		"configmap-v1":                "io.k8s.api.core.v1.ConfigMap",
		"cronjob-batch-v1":            "io.k8s.api.batch.v1.CronJob",
		"deployment-apps-v1":          "io.k8s.api.apps.v1.Deployment",
		"ingress-networking-v1":       "io.k8s.api.networking.v1.Ingress",
		"networkpolicy-networking-v1": "io.k8s.api.networking.v1.NetworkPolicy",
		"persistentvolumeclaim-v1":    "io.k8s.api.core.v1.PersistentVolumeClaim",
		"role-rbac-v1":                "io.k8s.api.rbac.v1.Role",
		"rolebinding-rbac-v1":         "io.k8s.api.rbac.v1.RoleBinding",
		"service-v1":                  "io.k8s.api.core.v1.Service",
		"serviceaccount-v1":           "io.k8s.api.core.v1.ServiceAccount",
	}
}

type schema = map[string]any

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("want a folder, swagger.json and CRDs")
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var swagger struct{ Definitions map[string]schema }
	if err := json.Unmarshal(text, &swagger); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	for file, name := range kinds() {
		if err := save(args[0], file, strict(swagger.Definitions[name], swagger.Definitions)); err != nil {
			return err
		}
	}
	for _, path := range args[2:] {
		if err := custom(args[0], path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// custom takes the schema of the first version of a custom resource.
func custom(folder, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var crd struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema schema `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return err
	}
	group, _, _ := strings.Cut(crd.Spec.Group, ".")
	v := crd.Spec.Versions[0]
	s, _ := v.Schema.OpenAPIV3Schema["properties"].(schema)
	s["metadata"] = schema{"type": "object"}
	return save(folder, strings.ToLower(crd.Spec.Names.Kind)+"-"+group+"-"+v.Name, strict(v.Schema.OpenAPIV3Schema, nil))
}

// strict resolves references, drops prose, and forbids fields that a definition does not name.
func strict(s schema, definitions map[string]schema) schema {
	if ref, ok := s["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/definitions/")
		switch {
		case strings.HasSuffix(name, "IntOrString"), strings.HasSuffix(name, "resource.Quantity"):
			return schema{"type": []string{"string", "number"}}
		case strings.HasSuffix(name, "meta.v1.Time"), strings.HasSuffix(name, "MicroTime"):
			return schema{"type": "string"}
		}
		return strict(definitions[name], definitions)
	}
	if s["x-kubernetes-int-or-string"] == true {
		return schema{"type": []string{"string", "number"}}
	}
	out := schema{}
	for k, v := range s {
		if k == "description" || k == "format" || k == "default" || strings.HasPrefix(k, "x-kubernetes-") {
			continue
		}
		switch v := v.(type) {
		case schema:
			if k == "properties" {
				properties := schema{}
				for name, p := range v {
					properties[name] = strict(p.(schema), definitions)
				}
				out[k] = properties
				continue
			}
			out[k] = strict(v, definitions)
		default:
			out[k] = v
		}
	}
	if _, ok := out["properties"]; ok {
		out["additionalProperties"] = false
	}
	return out
}

func save(folder, name string, s schema) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+".json"), append(text, '\n'), 0o644)
}
