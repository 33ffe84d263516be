//! `OnsRegionList`: the source as the one region there is.

use serde::Serialize;

use super::Ask;
use crate::serve::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Data<'a> {
    region_do: [Region<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Region<'a> {
    ons_region_id: &'a str,
    region_name: &'a str,
}

pub(super) fn answer<'a>(ask: &'a Ask<'_>) -> Result<Data<'a>, Refusal> {
    let cluster = ask.snapshot()?.cluster();
    Ok(Data {
        region_do: [Region {
            ons_region_id: cluster,
            region_name: cluster,
        }],
    })
}
