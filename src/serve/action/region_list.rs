//! `OnsRegionList`: the source as the only region.

use serde::Serialize;

use super::ActionContext;
use crate::serve::ApiError;

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

pub(super) fn answer<'a>(context: &'a ActionContext<'_>) -> Result<Data<'a>, ApiError> {
    let cluster = context.snapshot()?.cluster();
    Ok(Data {
        region_do: [Region {
            ons_region_id: cluster,
            region_name: cluster,
        }],
    })
}
