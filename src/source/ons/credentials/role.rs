//! Defaults from the environment for roles that a profile defines (`docs/facts/ons-api.md` §7.1).

use reqwest::Url;

use super::provider::{EcsRole, RamRole};

/// Lifetime of a role's key unless the profile sets one. STS refuses less than 15 minutes.
const SECONDS: u32 = 3600;
const FEWEST_SECONDS: u32 = 900;

/// Settings from the environment that apply to every profile.
#[derive(Debug, Clone, Default)]
pub struct RoleDefaults {
    /// `ALIBABA_CLOUD_ROLE_SESSION_NAME`.
    pub session: Option<String>,
    /// `ALIBABA_CLOUD_STS_REGION`.
    pub sts_region: Option<String>,
    /// `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`.
    pub vpc: bool,
    /// Provider kinds that are switched off.
    pub disabled: Disabled,
    /// The permissions that the user has given.
    pub allow: Allowed,
}

/// Provider kinds that environment variables switch off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disabled {
    /// `ALIBABA_CLOUD_ECS_METADATA_DISABLED`.
    pub ecs: bool,
    /// `ALIBABA_CLOUD_IMDSV1_DISABLED`.
    pub imds_v1: bool,
    /// `ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS`.
    pub process: bool,
}

/// Permissions that the user gives by command-line flags.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// `--allow-external-credentials`: a profile may run a command.
    pub external: bool,
    /// `--allow-http`: keys may be fetched over plain HTTP from other machines.
    pub http: bool,
}

/// The role as a profile describes it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoleFields<'a> {
    /// ARN of the role.
    pub arn: &'a str,
    /// Session name.
    pub session: Option<&'a str>,
    /// Policy that narrows the permissions.
    pub policy: Option<&'a str>,
    /// Lifetime of the key in seconds.
    pub seconds: Option<u32>,
    /// Region of STS.
    pub region: Option<&'a str>,
    /// Host of STS.
    pub host: Option<&'a str>,
    /// Whether to use the VPC address of STS.
    pub vpc: bool,
}

impl RoleDefaults {
    /// Builds the role that a profile describes.
    ///
    /// # Errors
    ///
    /// If the STS region or host is not valid.
    pub fn role(&self, fields: RoleFields<'_>) -> Result<RamRole, &'static str> {
        let session = fields.session.or(self.session.as_deref());
        Ok(RamRole {
            arn: fields.arn.to_owned(),
            session: session.unwrap_or("ons-audit").to_owned(),
            policy: fields.policy.map(str::to_owned),
            seconds: fields.seconds.unwrap_or(SECONDS).max(FEWEST_SECONDS),
            sts: self.sts(&fields)?,
        })
    }

    /// Returns the role of this ECS instance.
    #[must_use]
    pub fn ecs(&self, name: Option<&str>) -> EcsRole {
        EcsRole {
            name: name.map(str::to_owned),
            allow_v1: !self.disabled.imds_v1,
        }
    }

    fn sts(&self, fields: &RoleFields<'_>) -> Result<Url, &'static str> {
        const HOST: &str = "the STS endpoint is not a host, expected sts.REGION.aliyuncs.com";
        let host = match (fields.host, fields.region.or(self.sts_region.as_deref())) {
            (Some(host), _) => host
                .strip_prefix("https://")
                .unwrap_or(host)
                .trim_end_matches('/')
                .to_owned(),
            (None, Some(region)) if !is_region(region) => {
                return Err("the STS region is not a region, expected one such as cn-hangzhou");
            }
            (None, Some(region)) if fields.vpc || self.vpc => {
                format!("sts-vpc.{region}.aliyuncs.com")
            }
            (None, Some(region)) => format!("sts.{region}.aliyuncs.com"),
            (None, None) => "sts.aliyuncs.com".to_owned(),
        };
        // Keys and tokens are sent there: only a host name is accepted, and the scheme is always https.
        if host.contains(['/', '@', '?', '#', '\\']) {
            return Err(HOST);
        }
        Url::parse(&format!("https://{host}/")).map_err(|_| HOST)
    }
}

fn is_region(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_is_asked_where_file_or_environment_say() {
        for (host, region, vpc, env_region, env_vpc, url) in [
            (None, None, false, None, false, "https://sts.aliyuncs.com/"),
            (None, None, true, None, true, "https://sts.aliyuncs.com/"),
            (
                None,
                Some("cn-beijing"),
                false,
                Some("cn-x"),
                false,
                "https://sts.cn-beijing.aliyuncs.com/",
            ),
            (
                None,
                None,
                false,
                Some("cn-hangzhou"),
                true,
                "https://sts-vpc.cn-hangzhou.aliyuncs.com/",
            ),
            (
                None,
                Some("cn-beijing"),
                true,
                None,
                false,
                "https://sts-vpc.cn-beijing.aliyuncs.com/",
            ),
            (
                Some("sts.eu-central-1.aliyuncs.com"),
                Some("x"),
                true,
                None,
                true,
                "https://sts.eu-central-1.aliyuncs.com/",
            ),
            (
                Some("https://127.0.0.1:8443/"),
                None,
                false,
                None,
                false,
                "https://127.0.0.1:8443/",
            ),
        ] {
            let defaults = RoleDefaults {
                sts_region: env_region.map(str::to_owned),
                vpc: env_vpc,
                ..RoleDefaults::default()
            };
            let role = defaults
                .role(RoleFields {
                    region,
                    host,
                    vpc,
                    ..RoleFields::default()
                })
                .unwrap();
            assert_eq!(role.sts.as_str(), url);
        }
    }

    #[test]
    fn a_place_that_is_no_host_is_refused() {
        let defaults = RoleDefaults::default();
        for host in [
            "a/b",
            "user@host",
            "http://sts.aliyuncs.com",
            "host?x",
            "",
            "a b",
        ] {
            let fields = RoleFields {
                host: Some(host),
                ..RoleFields::default()
            };
            assert!(defaults.role(fields).is_err(), "{host}");
        }
        let fields = RoleFields {
            region: Some("evil.example/"),
            ..RoleFields::default()
        };
        assert!(defaults.role(fields).unwrap_err().contains("region"));
    }

    #[test]
    fn what_the_file_says_wins_over_the_environment() {
        let defaults = RoleDefaults {
            session: Some("env".into()),
            ..RoleDefaults::default()
        };
        let of = |session, seconds| {
            defaults
                .role(RoleFields {
                    session,
                    seconds,
                    ..RoleFields::default()
                })
                .unwrap()
        };
        assert_eq!(
            (&*of(None, None).session, of(None, None).seconds),
            ("env", 3600)
        );
        assert_eq!(
            (
                &*of(Some("file"), Some(60)).session,
                of(None, Some(60)).seconds
            ),
            ("file", 900)
        );
        assert_eq!(
            RoleDefaults::default()
                .role(RoleFields::default())
                .unwrap()
                .session,
            "ons-audit"
        );
    }
}
