//! What is shown together, and where.

use serde::{Deserialize, Serialize};

use super::{ContainerItem, GridTemplate, OutputError};

/// Other outputs together: in tabs, in a grid, or each where its title points.
///
/// Serialises as the data of CloudPSS's envelope, without the key. Its verb is always `create`.
///
/// ```
/// use selsyn_common::{Container, ContainerItem, TabPosition};
///
/// let tabs = Container::tabs(TabPosition::Left)
///     .item(ContainerItem::message("Training", "loss"))
///     .item(ContainerItem::message("Data", "histogram").placeholder("not read yet"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Container {
    /// Names the container, so that a later one replaces it; default none.
    #[serde(skip)]
    pub key: Option<String>,
    /// How its items lie.
    #[serde(default)]
    pub layout: ContainerLayout,
    /// What it holds.
    #[serde(default)]
    pub items: Vec<ContainerItem>,
}

/// How the items of a container lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ContainerLayout {
    /// One at a time, each under its title.
    Tabs {
        /// Where the titles stand.
        position: TabPosition,
    },
    /// In the areas of a grid; an item's title names its area.
    Grid {
        /// The grid.
        grid: GridTemplate,
    },
    /// Each where its title, the path of an anchor, points.
    Float,
}

impl Default for ContainerLayout {
    fn default() -> Self {
        Self::Tabs { position: TabPosition::Top }
    }
}

/// Where the titles of tabs stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TabPosition {
    /// Above.
    #[default]
    Top,
    /// Below.
    Bottom,
    /// On the left.
    Left,
    /// On the right.
    Right,
}

impl Container {
    /// Items one at a time, each under its title.
    pub fn tabs(position: TabPosition) -> Self {
        Self::of(ContainerLayout::Tabs { position })
    }

    /// Items in the areas of a grid: each item's title must be one of them.
    pub fn grid(grid: GridTemplate) -> Self {
        Self::of(ContainerLayout::Grid { grid })
    }

    /// Items each where its title, the path of an anchor, points.
    pub fn float() -> Self {
        Self::of(ContainerLayout::Float)
    }

    fn of(layout: ContainerLayout) -> Self {
        Self { layout, ..Self::default() }
    }

    /// Names the container, so that a later one with the same key replaces it, and so that it can
    /// lie in another one.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, item: ContainerItem) -> Self {
        self.items.push(item);
        self
    }

    pub(super) fn check(&self) -> Result<(), OutputError> {
        let ContainerLayout::Grid { grid } = &self.layout else { return Ok(()) };
        let stray = self.items.iter().find(|item| grid.area(&item.title).is_none());
        let Some(stray) = stray else { return Ok(()) };
        let areas = grid.areas().iter().map(|area| area.name.as_str());
        let areas = areas.collect::<Vec<_>>().join(", ");
        Err(OutputError::Area { item: stray.title.clone(), areas })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_of_a_grid_has_its_area() {
        let grid = GridTemplate::default();
        let in_grid =
            |title| Container::grid(grid.clone()).item(ContainerItem::message(title, "k"));
        in_grid("item3").check().unwrap();
        let error = in_grid("item5").check().unwrap_err();
        let expected = "the grid has no area \"item5\", only item1, item2, item3, item4";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn tabs_and_floats_may_have_any_title() {
        let item = || ContainerItem::message("whatever", "k");
        Container::tabs(TabPosition::Right).item(item()).check().unwrap();
        Container::float().item(item()).check().unwrap();
    }
}
