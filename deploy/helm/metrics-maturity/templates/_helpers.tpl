{{/* Names. */}}
{{- define "mm.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "mm.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "mm.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "mm.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mm.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mm.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mm.selector" -}}
app.kubernetes.io/name: {{ include "mm.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mm.labels" -}}
{{ include "mm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "mm.metadata" -}}
name: {{ include "mm.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "mm.labels" . | nindent 2 }}
{{- end -}}

{{/* Whether a source of a type is configured: (list . "rules-git"). */}}
{{- define "mm.hasType" -}}
{{- $type := index . 1 -}}
{{- range (index . 0).Values.config.sources -}}
{{- if eq (toString .type) $type -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether the pod talks to the Kubernetes API. */}}
{{- define "mm.usesAPI" -}}
{{- if .Values.lease.enabled -}}true{{- end -}}
{{- range .Values.config.sources -}}
{{- if .kubernetes -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mm.image" -}}
{{- $i := .Values.image -}}
{{- if $i.digest -}}
{{- printf "%s@%s" $i.repository $i.digest -}}
{{- else if $i.tag -}}
{{- printf "%s:%s" $i.repository $i.tag -}}
{{- else -}}
{{- printf "%s:%s%s" $i.repository .Chart.AppVersion (ternary "-git" "" (ne "" (include "mm.hasType" (list . "rules-git")))) -}}
{{- end -}}
{{- end -}}

{{/* What no schema can say. */}}
{{- define "mm.validate" -}}
{{- if not .Values.hashKey.existingSecret -}}
{{- fail "hashKey.existingSecret is not set: people's names are hashed with its key.\nhint: kubectl create secret generic metrics-maturity-key --from-literal=key=\"$(head -c 32 /dev/urandom | base64)\"\nhint: --set hashKey.existingSecret=metrics-maturity-key" -}}
{{- end -}}
{{- if not .Values.config.sources -}}
{{- fail "config.sources is empty: there is nothing to read.\nhint: put your metrics-maturity.yaml under config:, as the README shows" -}}
{{- end -}}
{{- if and (eq .Values.store.kind "postgresql") (not .Values.store.postgresql.existingSecret) -}}
{{- fail "store.postgresql.existingSecret is not set.\nhint: kubectl create secret generic metrics-maturity-db --from-literal=url=postgres://user:password@host/database" -}}
{{- end -}}
{{- if and (gt (int .Values.cronjob.shards) 1) (ne .Values.store.kind "postgresql") -}}
{{- fail "cronjob.shards above 1 needs store.kind postgresql: one SQLite file is written by one collector.\nhint: --set store.kind=postgresql" -}}
{{- end -}}
{{- if and (gt (int .Values.cronjob.shards) 1) (ne .Values.mode "cronjob") -}}
{{- fail "cronjob.shards above 1 needs mode cronjob.\nhint: --set mode=cronjob" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is not set.\nhint: --set ingress.host=maturity.example.org" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (ne .Values.mode "deployment") -}}
{{- fail "ingress needs mode deployment: a job serves no page.\nhint: --set mode=deployment" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (ne .Values.mode "deployment") -}}
{{- fail "serviceMonitor needs mode deployment: a job is over before it is scraped.\nhint: push with config.export.pushgateway or config.export.remote_write" -}}
{{- end -}}
{{- if (.Values.config.store).url -}}
{{- fail "config.store.url is set by the chart.\nhint: use store.kind, and store.postgresql.existingSecret" -}}
{{- end -}}
{{- if (.Values.config.privacy).hash_key_file -}}
{{- fail "config.privacy.hash_key_file is set by the chart.\nhint: use hashKey.existingSecret" -}}
{{- end -}}
{{- if (.Values.config.privacy).old_hash_key_files -}}
{{- fail "config.privacy.old_hash_key_files is set by the chart.\nhint: use hashKey.oldSecrets" -}}
{{- end -}}
{{- if .Values.config.lease -}}
{{- fail "config.lease is set by the chart.\nhint: use lease.enabled" -}}
{{- end -}}
{{- end -}}

{{/* The configuration file: config, and what the chart knows. */}}
{{- define "mm.config" -}}
{{- $c := deepCopy .Values.config -}}
{{- if eq .Values.store.kind "sqlite" -}}
{{- $_ := set $c "store" (dict "url" "sqlite:/var/lib/metrics-maturity/maturity.db") -}}
{{- end -}}
{{- $_ := set $c "privacy" (merge (dict "hash_key_file" (printf "/etc/metrics-maturity/key/%s" .Values.hashKey.key)) ($c.privacy | default dict)) -}}
{{- if .Values.hashKey.oldSecrets -}}
{{- $old := list -}}
{{- range $i, $_ := .Values.hashKey.oldSecrets -}}
{{- $old = append $old (printf "/etc/metrics-maturity/old-key-%d/%s" $i $.Values.hashKey.key) -}}
{{- end -}}
{{- $_ := set $c.privacy "old_hash_key_files" $old -}}
{{- end -}}
{{- if .Values.lease.enabled -}}
{{- $_ := set $c "lease" (dict "namespace" .Release.Namespace "name" (include "mm.fullname" .)) -}}
{{- end -}}
{{- if eq .Values.mode "deployment" -}}
{{- $serve := merge (dict "listen" (printf ":%d" (int .Values.deployment.port))) ($c.serve | default dict) -}}
{{- if .Values.deployment.webConfig.existingSecret -}}
{{- $_ := set $serve "web_config" (printf "/etc/metrics-maturity/web/%s" .Values.deployment.webConfig.key) -}}
{{- end -}}
{{- $_ := set $c "serve" $serve -}}
{{- end -}}
{{- toYaml $c -}}
{{- end -}}

{{/* The pod's specification. Call with (dict "root" . "args" list "restartPolicy" string). */}}
{{- define "mm.pod" -}}
{{- $v := .root.Values -}}
serviceAccountName: {{ include "mm.serviceAccount" .root }}
automountServiceAccountToken: {{ ne "" (include "mm.usesAPI" .root) }}
enableServiceLinks: false
restartPolicy: {{ .restartPolicy }}
terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds }}
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $v.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
containers:
  - name: metrics-maturity
    image: {{ include "mm.image" .root }}
    imagePullPolicy: {{ $v.image.pullPolicy }}
    args:
      {{- range .args }}
      - {{ . | quote }}
      {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    env:
      - {name: HOME, value: /tmp}
      - name: POD_NAME
        valueFrom: {fieldRef: {fieldPath: metadata.name}}
      {{- if eq $v.store.kind "postgresql" }}
      - name: METRICS_MATURITY_STORE_URL
        valueFrom: {secretKeyRef: {name: {{ $v.store.postgresql.existingSecret }}, key: {{ $v.store.postgresql.key }}}}
      {{- end }}
      {{- with $v.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- if eq $v.mode "deployment" }}
    ports:
      - {name: http, containerPort: {{ $v.deployment.port }}, protocol: TCP}
    startupProbe:
      httpGet: {path: /-/healthy, port: http, scheme: {{ upper $v.deployment.webConfig.scheme }}}
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: {path: /-/healthy, port: http, scheme: {{ upper $v.deployment.webConfig.scheme }}}
      periodSeconds: 20
      timeoutSeconds: 5
    readinessProbe:
      httpGet: {path: /-/ready, port: http, scheme: {{ upper $v.deployment.webConfig.scheme }}}
      periodSeconds: 5
      timeoutSeconds: 5
    {{- end }}
    resources:
      {{- toYaml $v.resources | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/metrics-maturity/config, readOnly: true}
      - {name: key, mountPath: /etc/metrics-maturity/key, readOnly: true}
      {{- range $i, $_ := $v.hashKey.oldSecrets }}
      - {name: old-key-{{ $i }}, mountPath: /etc/metrics-maturity/old-key-{{ $i }}, readOnly: true}
      {{- end }}
      - {name: data, mountPath: /var/lib/metrics-maturity}
      - {name: tmp, mountPath: /tmp}
      {{- if and (eq $v.mode "deployment") $v.deployment.webConfig.existingSecret }}
      - {name: web, mountPath: /etc/metrics-maturity/web, readOnly: true}
      {{- end }}
      {{- range $i, $m := $v.secretMounts }}
      - {name: secret-{{ $i }}, mountPath: {{ $m.mountPath }}, readOnly: true}
      {{- end }}
      {{- with $v.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    configMap: {name: {{ include "mm.fullname" .root }}}
  - name: key
    secret: {secretName: {{ $v.hashKey.existingSecret }}, defaultMode: 0440}
  {{- range $i, $old := $v.hashKey.oldSecrets }}
  - name: old-key-{{ $i }}
    secret: {secretName: {{ $old }}, defaultMode: 0440}
  {{- end }}
  - name: data
    {{- if eq $v.store.kind "sqlite" }}
    persistentVolumeClaim: {claimName: {{ default (include "mm.fullname" .root) $v.store.sqlite.existingClaim }}}
    {{- else }}
    emptyDir: {}
    {{- end }}
  - name: tmp
    emptyDir: {}
  {{- if and (eq $v.mode "deployment") $v.deployment.webConfig.existingSecret }}
  - name: web
    secret: {secretName: {{ $v.deployment.webConfig.existingSecret }}, defaultMode: 0440}
  {{- end }}
  {{- range $i, $m := $v.secretMounts }}
  - name: secret-{{ $i }}
    secret: {secretName: {{ $m.secret }}, defaultMode: 0440}
  {{- end }}
  {{- with $v.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $v.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mm.podMetadata" -}}
labels:
  {{- include "mm.labels" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
