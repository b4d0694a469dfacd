{{/* A setting as text, empty if it is not set. Without this, Helm prints large numbers of a values file as 1.073741824e+10. */}}
{{- define "airlock.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else if not (kindIs "invalid" .) }}{{ toString . }}{{ end -}}
{{- end -}}

{{/* One environment variable for each setting that is not empty and for each secret. Takes a dict: settings, secrets. */}}
{{- define "airlock.env" -}}
{{- range $name, $value := .settings }}
{{- $text := include "airlock.text" $value }}
{{- if $text }}
- { name: {{ $name }}, value: {{ $text | quote }} }
{{- end }}
{{- end }}
{{- range $name, $from := .secrets }}
- name: {{ $name }}
  valueFrom: { secretKeyRef: { name: {{ $from.name | quote }}, key: {{ $from.key | quote }} } }
{{- end }}
{{- end -}}

{{/* What both services have in common: variables of other software and certificates. Takes the root. */}}
{{- define "airlock.extraEnv" -}}
{{- if .Values.caCertificates.configMap }}
- { name: NODE_EXTRA_CA_CERTS, value: {{ printf "/certificates/%s" .Values.caCertificates.key | quote }} }
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Security of a pod, as in docker-compose.yml. Its process 1 is the pause container's, so that a signal ends a service even in its first second, before it
handles signals.
*/}}
{{- define "airlock.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false # its variables could have names of settings, such as WORKER_PORT
shareProcessNamespace: true
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "airlock.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{- define "airlock.volumeMounts" -}}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if .Values.caCertificates.configMap }}
  - { name: certificates, mountPath: /certificates, readOnly: true }
  {{- end }}
{{- end -}}

{{- define "airlock.volumes" -}}
volumes:
  - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
  {{- with .Values.caCertificates }}
  {{- if .configMap }}
  - { name: certificates, configMap: { name: {{ .configMap | quote }}, items: [{ key: {{ .key | quote }}, path: {{ .key | quote }} }] } }
  {{- end }}
  {{- end }}
{{- end -}}

{{/*
A Deployment of a service. Takes a dict: root, component, lane (workers only), service (its values), settings, secrets, resources, replicas (null: an
autoscaler sets them), port, portName, readinessPath, graceSeconds, trustList (empty: none is mounted).
*/}}
{{- define "airlock.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "airlock.fullname" .root }}-{{ .component }}{{ with .lane }}-{{ . }}{{ end }}
  labels:
    {{- include "airlock.labels" . | nindent 4 }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ .replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "airlock.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: { maxSurge: 25%, maxUnavailable: 0 }
  template:
    metadata:
      labels:
        {{- include "airlock.selector" . | nindent 8 }}
        {{- with .service.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .service.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "airlock.serviceAccountName" . }}
      {{- include "airlock.podSecurity" .root | nindent 6 }}
      # All phases of a shutdown (docs/operating.md) and some margin. The first of them replaces a preStop hook.
      terminationGracePeriodSeconds: {{ .graceSeconds }}
      topologySpreadConstraints:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          matchLabelKeys: [pod-template-hash]
          labelSelector:
            matchLabels:
              {{- include "airlock.selector" $ | nindent 14 }}
        {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "airlock.image" (dict "root" .root "image" .service.image) | quote }}
          imagePullPolicy: {{ .root.Values.imagePullPolicy }}
          {{- include "airlock.containerSecurity" . | nindent 10 }}
          ports:
            - { name: {{ .portName }}, containerPort: {{ .port }} }
            - { name: metrics, containerPort: 9464 }
          env:
            {{- include "airlock.env" . | trim | nindent 12 }}
            {{- with include "airlock.extraEnv" .root | trim }}
            {{- . | nindent 12 }}
            {{- end }}
          startupProbe:
            httpGet: { path: /health/live, port: {{ .portName }} }
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: { path: /health/live, port: {{ .portName }} }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe: # responds within 2 s
            httpGet: { path: {{ .readinessPath }}, port: {{ .portName }} }
            periodSeconds: 5
            timeoutSeconds: 4
            failureThreshold: 2
          resources:
            {{- toYaml .resources | nindent 12 }}
          {{- include "airlock.volumeMounts" .root | nindent 10 }}
            {{- if .trustList }}
            - { name: trust-list, mountPath: /trust, readOnly: true }
            {{- end }}
      {{- include "airlock.volumes" .root | nindent 6 }}
        {{- with .trustList }}
        - { name: trust-list, configMap: { name: {{ .configMap | quote }}, items: [{ key: {{ .key | quote }}, path: {{ .key | quote }} }] } }
        {{- end }}
      {{- with .service.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .service.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .service.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .service.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
{{- end -}}

{{/*
A PodDisruptionBudget. Takes a dict: root, component, lane, service. Pods that are not ready may always be evicted: an outage does not prevent the drain
of a node.
*/}}
{{- define "airlock.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "airlock.fullname" .root }}-{{ .component }}{{ with .lane }}-{{ . }}{{ end }}
  labels:
    {{- include "airlock.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .service.disruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "airlock.selector" . | nindent 6 }}
{{- end -}}

{{/* A ServiceAccount, unless an existing one is named. Takes a dict: root, component, service. */}}
{{- define "airlock.serviceAccount" -}}
{{- if not .service.serviceAccount.name }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "airlock.serviceAccountName" . }}
  labels:
    {{- include "airlock.labels" . | nindent 4 }}
  {{- with .service.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end -}}
