{{/* How staff sign in: at issuers, in a cluster at nothing else. Call each with the root. */}}
{{- define "teleward.signIn.environment" -}}
- name: TELEWARD_SIGN_IN
  value: issuers
{{- if .Values.gateway.signIn.existingSecret }}
- name: TELEWARD_CLIENT_SECRETS_DIR
  value: /etc/teleward/client-secrets
{{- end }}
{{- if .Values.gateway.signIn.existingCertificates }}
- name: TELEWARD_TRUSTED_CERTIFICATES_FILE
  value: /etc/teleward/certificates/ca.crt
{{- end }}
- name: TELEWARD_SESSION_LIFETIME_S
  value: {{ .Values.gateway.signIn.sessionLifetimeSeconds | int | quote }}
- name: TELEWARD_SESSION_IDLE_S
  value: {{ .Values.gateway.signIn.sessionIdleSeconds | int | quote }}
{{- end }}

{{- define "teleward.signIn.mounts" -}}
{{- if .Values.gateway.signIn.existingSecret }}
- name: client-secrets
  mountPath: /etc/teleward/client-secrets
  readOnly: true
{{- end }}
{{- if .Values.gateway.signIn.existingCertificates }}
- name: certificates
  mountPath: /etc/teleward/certificates
  readOnly: true
{{- end }}
{{- end }}

{{- define "teleward.signIn.volumes" -}}
{{- with .Values.gateway.signIn.existingSecret }}
- name: client-secrets
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.gateway.signIn.existingCertificates }}
- name: certificates
  configMap:
    name: {{ . }}
    items:
      - {key: ca.crt, path: ca.crt}
{{- end }}
{{- end }}
