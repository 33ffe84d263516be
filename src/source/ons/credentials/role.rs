//! What the environment says about roles, whichever file names them (`docs/facts/ons-api.md` §7.1).

use reqwest::Url;

use super::provider::{EcsRole, RamRole};

/// A role's key lasts an hour unless the profile says otherwise; less than a quarter STS refuses.
const SECONDS: u32 = 3600;
const FEWEST_SECONDS: u32 = 900;

/// What a file does not say about a role.
#[derive(Debug, Clone, Default)]
pub struct RoleDefaults {
    /// `ALIBABA_CLOUD_ROLE_SESSION_NAME`.
    pub session: Option<String>,
    /// `ALIBABA_CLOUD_STS_REGION`.
    pub sts_region: Option<String>,
    /// `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`.
    pub vpc: bool,
    /// What is switched off.
    pub off: Disabled,
    /// What was allowed.
    pub allow: Allowed,
}

/// What the environment switches off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disabled {
    /// `ALIBABA_CLOUD_ECS_METADATA_DISABLED`.
    pub ecs: bool,
    /// `ALIBABA_CLOUD_IMDSV1_DISABLED`.
    pub imds_v1: bool,
    /// `ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS`.
    pub process: bool,
}

/// What the person allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// `--allow-external-credentials`: a profile may run a command.
    pub external: bool,
    /// `--allow-http`: keys may come over plain http from other machines.
    pub http: bool,
}

/// What a file says about a role.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoleFields<'a> {
    /// The role's ARN.
    pub arn: &'a str,
    /// Session name.
    pub session: Option<&'a str>,
    /// Policy.
    pub policy: Option<&'a str>,
    /// Seconds.
    pub seconds: Option<u32>,
    /// Region of STS.
    pub region: Option<&'a str>,
    /// Host of STS.
    pub host: Option<&'a str>,
    /// Is STS asked from inside a VPC?
    pub vpc: bool,
}

impl RoleDefaults {
    /// The role that a file names. Says what is wrong with it: a region or host that is none.
    pub fn role(&self, said: RoleFields<'_>) -> Result<RamRole, &'static str> {
        let session = said.session.or(self.session.as_deref());
        Ok(RamRole {
            arn: said.arn.to_owned(),
            session: session.unwrap_or("ons-audit").to_owned(),
            policy: said.policy.map(str::to_owned),
            seconds: said.seconds.unwrap_or(SECONDS).max(FEWEST_SECONDS),
            sts: self.sts(&said)?,
        })
    }

    /// The role of this ECS instance.
    #[must_use]
    pub fn ecs(&self, name: Option<&str>) -> EcsRole {
        EcsRole {
            name: name.map(str::to_owned),
            allow_v1: !self.off.imds_v1,
        }
    }

    fn sts(&self, said: &RoleFields<'_>) -> Result<Url, &'static str> {
        const HOST: &str = "the STS endpoint is no host, expected sts.REGION.aliyuncs.com";
        let host = match (said.host, said.region.or(self.sts_region.as_deref())) {
            (Some(host), _) => host
                .strip_prefix("https://")
                .unwrap_or(host)
                .trim_end_matches('/')
                .to_owned(),
            (None, Some(region)) if !is_region(region) => {
                return Err("the STS region is no region, expected one such as cn-hangzhou");
            }
            (None, Some(region)) if said.vpc || self.vpc => {
                format!("sts-vpc.{region}.aliyuncs.com")
            }
            (None, Some(region)) => format!("sts.{region}.aliyuncs.com"),
            (None, None) => "sts.aliyuncs.com".to_owned(),
        };
        // Keys and tokens go there: nothing but a host, and always by TLS.
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
            let around = RoleDefaults {
                sts_region: env_region.map(str::to_owned),
                vpc: env_vpc,
                ..RoleDefaults::default()
            };
            let role = around
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
        let around = RoleDefaults::default();
        for host in [
            "a/b",
            "user@host",
            "http://sts.aliyuncs.com",
            "host?x",
            "",
            "a b",
        ] {
            let said = RoleFields {
                host: Some(host),
                ..RoleFields::default()
            };
            assert!(around.role(said).is_err(), "{host}");
        }
        let said = RoleFields {
            region: Some("evil.example/"),
            ..RoleFields::default()
        };
        assert!(around.role(said).unwrap_err().contains("region"));
    }

    #[test]
    fn what_the_file_says_wins_over_the_environment() {
        let around = RoleDefaults {
            session: Some("env".into()),
            ..RoleDefaults::default()
        };
        let of = |session, seconds| {
            around
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
